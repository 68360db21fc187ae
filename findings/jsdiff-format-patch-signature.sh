#!/usr/bin/env bash
# diff (jsdiff) 9.0.0: a patch as `git format-patch` writes it is refused, though git and GNU patch apply it.
#
# git ends a mail with the signature separator "-- ", and git's version below it. jsdiff goes on reading the hunk though its
# header's counts are used up; the separator begins with "-", so it counts as one deletion too many. Only the last file of a
# mail is hit, and only with a signature: `git diff` and `git format-patch --no-signature` are read well.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund diff@9.0.0
mkdir repository
(
  cd repository
  git init -q
  git config user.name "A Developer"
  git config user.email developer@example.com
  printf 'one\ntwo\nthree\n' >file
  git add file
  git commit -qm first
  printf 'one\n2\nthree\n' >file
  git commit -qam second
  git format-patch -q -1 -o "$dir" --signature=2.47.3
  git format-patch -q -1 -o "$dir/plain" --no-signature
  git checkout -q HEAD~1
  git apply --check "$dir"/0001-second.patch && echo "git apply: ok"
)
cat >run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { applyPatch } from "diff";

for (const path of ["0001-second.patch", "plain/0001-second.patch"]) {
  try {
    console.log(`${path}: ${JSON.stringify(applyPatch("one\ntwo\nthree\n", readFileSync(path, "utf8")))}`);
  } catch (e) {
    console.log(`${path}: ${e.message.replace(/line \d+/, "line N")}`);
  }
}
JS
seen=$(node run.mjs)
echo "$seen"
[ "$seen" = '0001-second.patch: Hunk at line N has more lines than expected (expected 3 old lines and 3 new lines)
plain/0001-second.patch: "one\n2\nthree\n"' ] || { echo "CHANGED: diff 9.0.0 refused the signature"; exit 1; }
echo "as found: refused with the signature, applied without it"
