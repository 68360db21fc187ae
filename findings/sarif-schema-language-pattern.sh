#!/usr/bin/env bash
# SARIF 2.1.0's schema (rtm.5, as @microsoft/jest-sarif 1.0.0-beta.0 ships it): ajv cannot compile it by default, and where it is
# compiled it takes any text that begins with two letters for a language.
#
# The pattern of `language` is ^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$. The bracket that closes nothing is an error in a regular
# expression with the flag "u", which ajv uses since version 8 because JSON Schema asks for it. Without the flag, the first half of
# the alternative has no end: "english" and "en_US" are valid, and so is everything else that the second half could refuse.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @microsoft/jest-sarif@1.0.0-beta.0 ajv@8.20.0 ajv-draft-04@1.0.0
cat >run.cjs <<'JS'
const Ajv = require("ajv-draft-04").default;
const schema = require("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");

try {
  new Ajv({ strict: false, validateFormats: false }).compile(schema);
  console.log("by default: compiled");
} catch (e) {
  console.log(`by default: ${e.name}: ${e.message}`);
}
const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
for (const language of ["en", "en-US", "english", "en_US", "1"]) {
  const log = { version: "2.1.0", runs: [{ tool: { driver: { name: "x" } }, language, results: [] }] };
  console.log(`without the flag: ${JSON.stringify(language)} is ${validate(log) ? "valid" : "invalid"}`);
}
JS
seen=$(node run.cjs)
echo "$seen"
[ "$seen" = 'by default: SyntaxError: Invalid regular expression: /^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$/u: Lone quantifier brackets
without the flag: "en" is valid
without the flag: "en-US" is valid
without the flag: "english" is valid
without the flag: "en_US" is valid
without the flag: "1" is invalid' ] || { echo "CHANGED: the schema of SARIF 2.1.0 was read otherwise"; exit 1; }
echo "as found: an error by default, and no language refused for its end"
