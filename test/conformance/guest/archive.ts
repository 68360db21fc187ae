/**
 * The archive that a kernel unpacks as its first file system: "newc", uncompressed.
 * @kernel Documentation/driver-api/early-userspace/buffer-format.rst
 */

export interface ArchivedFile {
  /** Without a slash before it. Folders of its path come before it by themselves. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly executable?: boolean;
}
/** A character device, by its numbers. */
export interface ArchivedDevice {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

const FOLDER = 0o040755;
const FILE = 0o100644;
const PROGRAM = 0o100755;
const DEVICE = 0o020600;
const NOTHING = new Uint8Array(0);

/** Each entry begins at a multiple of 4, and so does its content. */
const padded = (length: number): number => (length + 3) & ~3;

/** The bytes of the archive: devices, then files in their order. The same entries give the same bytes. */
export function archive(files: readonly ArchivedFile[], devices: readonly ArchivedDevice[] = []): Buffer {
  const parts: Buffer[] = [];
  let inode = 0;
  const add = (path: string, mode: number, content: Uint8Array, major = 0, minor = 0): void => {
    const fields = [++inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, path.length + 1, 0];
    const header = `070701${fields.map((n) => n.toString(16).padStart(8, "0")).join("")}${path}\0`;
    const before = padded(header.length);
    const entry = Buffer.alloc(before + padded(content.length));
    entry.write(header, "latin1");
    entry.set(content, before);
    parts.push(entry);
  };
  const folders = new Set<string>();
  const addFolders = (path: string): void => {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const folder = path.slice(0, at);
      if (!folders.has(folder)) add(folder, FOLDER, NOTHING);
      folders.add(folder);
    }
  };
  for (const { path, major, minor } of devices) {
    addFolders(path);
    add(path, DEVICE, NOTHING, major, minor);
  }
  for (const { path, content, executable } of files) {
    addFolders(path);
    add(path, executable === true ? PROGRAM : FILE, content);
  }
  add("TRAILER!!!", 0, NOTHING);
  return Buffer.concat(parts);
}
