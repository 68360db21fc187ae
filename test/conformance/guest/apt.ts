/**
 * Packages through the system's own package manager, in a folder of its own: its lists, its downloads and its sources lie
 * there, nothing is installed, and what the system has is neither read nor changed. Which mirror is asked, and how it is
 * reached, is the machine's own configuration; packages are those that the distribution has signed.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { byRelease, SUITES, type PinnedKernel, type PinnedPackage } from "./catalogue.ts";
import { isThere, output } from "./system.ts";

const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
const PROGRAMS = ["apt-get", "apt-cache", "dpkg-deb"];

/** Where the machine gets Debian's packages from, or null: of its sources the first that is Debian's main archive. */
function mirror(): string | null {
  const format = "$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)";
  const lines = output("apt-get", ["indextargets", "--format", format]).toString("utf8").split("\n");
  const found = lines.map((line) => line.split("|")).find(([by, origin, label, component]) =>
    by === "Packages" && origin === "Debian" && label === "Debian" && component === "main");
  return found?.[4] ?? null;
}

/** Why no packages can be had here, or null. */
export function whyNoPackages(): string | null {
  const missing = PROGRAMS.find((p) => !isThere(p));
  if (missing !== undefined) return `there is no ${missing}: kernels are fetched as Debian's packages`;
  return mirror() === null ? "apt's configuration names no mirror of Debian, or its lists were never fetched (apt-get update)" : null;
}

/** A package manager of its own in a folder. */
export class Apt {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** Needs a machine of which `whyNoPackages` says nothing. */
  constructor(folder: string) {
    this.#folder = folder;
    for (const f of ["lists/partial", "archives/partial"]) mkdirSync(join(folder, f), { recursive: true, mode: 0o700 });
    const options = {
      "Dir::Etc::sourcelist": join(folder, "sources.list"), "Dir::Etc::sourceparts": "/dev/null",
      "Dir::State::lists": join(folder, "lists"), "Dir::Cache": folder, "Dir::Cache::archives": join(folder, "archives"),
      // The folder is the user's, and not for another user to write to.
      "APT::Sandbox::User": "", "APT::Architecture": "amd64", "APT::Architectures": "amd64", "Acquire::Languages": "none",
    };
    this.#options = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  }

  /** Fetches the lists of the suites. Throws an Error in apt's words. */
  update(suites: readonly string[]): void {
    const signed = existsSync(KEYS) ? `[signed-by=${KEYS}] ` : "";
    const sources = suites.map((suite) => `deb ${signed}${mirror()} ${suite} main\n`).join("");
    writeFileSync(join(this.#folder, "sources.list"), sources);
    output("apt-get", [...this.#options, "-q", "update"]);
  }

  /** What the archive has of that name: an entry for each version. */
  records(...packages: readonly string[]): Record<string, string>[] {
    const text = output("apt-cache", [...this.#options, "show", ...packages]).toString("utf8");
    return text.split("\n\n").filter((t) => t.trim() !== "").map((record) =>
      Object.fromEntries(record.split("\n").flatMap((line) => {
        const at = line.indexOf(": ");
        return at < 0 || line.startsWith(" ") ? [] : [[line.slice(0, at), line.slice(at + 2)]];
      })));
  }

  names(pattern: string): string[] {
    const text = output("apt-cache", [...this.#options, "search", "--names-only", pattern]).toString("utf8");
    return text.split("\n").flatMap((line) => (line === "" ? [] : [line.split(" - ")[0]!]));
  }

  /** The file of the package in a folder of its own, given to `use`, and deleted then. Throws an Error if it is another than is pinned. */
  async with<T>({ name, version, sha256 }: PinnedPackage, use: (file: string) => T | Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(this.#folder, "package-"));
    try {
      output("apt-get", [...this.#options, "-q", "download", `${name}=${version}`], { cwd: folder });
      const file = join(folder, readdirSync(folder)[0]!);
      const found = createHash("sha256").update(readFileSync(file)).digest("hex");
      if (found !== sha256) throw new Error(`${name} ${version} has the SHA-256 ${found}, and ${sha256} is pinned`);
      return await use(file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Takes lists and downloads away. */
  clean(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const IMAGE = /^linux-image-(.*-cloud-amd64)$/;
/**
 * What has the image, and what has its modules if that is another package. From 6.19 on there are two, and linux-image- itself
 * is empty; the archive keeps the modules for a shorter time.
 */
function packagesOf(uname: string, names: ReadonlySet<string>): string[] {
  if (names.has(`linux-binary-${uname}`)) return ["linux-binary-", "linux-modules-"].map((p) => p + uname).filter((p) => names.has(p));
  return names.has(`linux-image-${uname}`) ? [`linux-image-${uname}`] : [`linux-image-${uname}-unsigned`];
}

/**
 * All kernels that the archive has, from the oldest to the newest. Kernels without a signature are the same ones before they
 * were signed, and count where there is no other.
 */
export function kernelsOf(apt: Apt): PinnedKernel[] {
  const found = new Map<string, PinnedKernel>();
  for (const suite of SUITES) {
    apt.update([suite]);
    const names = new Set(apt.names("^linux-(image|binary|modules)-[0-9].*-cloud-amd64"));
    const unames = [...names].flatMap((n) => IMAGE.exec(n.replace(/-unsigned$/, ""))?.[1] ?? []).filter((u) => !found.has(u));
    for (const uname of new Set(unames)) {
      const packages = packagesOf(uname, names).map((p) => pinned(apt.records(p)[0]!));
      found.set(uname, { name: releaseOf(packages[0]!.version), uname, suite, packages });
    }
  }
  // Of two kernels of one release the first has its name: "7.2.12", and "7.2.12+deb14".
  const names = new Set<string>();
  return [...found.values()].map((k) => {
    const name = names.has(k.name) ? k.uname.replace("-cloud-amd64", "") : k.name;
    names.add(name);
    return { ...k, name };
  }).sort(byRelease);
}

const pinned = (record: Readonly<Record<string, string>>): PinnedPackage => {
  const { Package: name, Version: version, Size: size, SHA256: sha256 } = record;
  return { name: name!, version: version!, size: Number(size), sha256: sha256! };
};
/** "6.1.174-1" is 6.1.174: kernels of 6.1 do not say it in their names. */
const releaseOf = (version: string): string => /^\d+\.\d+(\.\d+)?/.exec(version)![0];
