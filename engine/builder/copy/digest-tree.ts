import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { closeOpened } from "../../host/file-calls.ts";
import { type FileStatus, fileTypes, statusOf } from "../../host/tree-calls.ts";
import { type BytePath, textOf } from "../../lib/byte-path.ts";
import { type Digest, digestOfHex } from "../../oci/digest.ts";
import type { LooseFile } from "./file-copier.ts";
import { attributesOf, type KeptFacts } from "./kept-facts.ts";
import type { Pick } from "./source-tree.ts";
import { openIfSame, readFlags, type TreeNode, type TreeVisitor, targetOf } from "./walk-tree.ts";

const bufferSize = 512 * 1024;
/** Milliseconds in which a kernel before Linux 6.13 may give two changes the same time. */
const clockTick = 12;
const neverWoken = new Int32Array(new SharedArrayBuffer(4));

/**
 * Hashes what is copied. One hash of everything: each node is a line of JSON, whose texts are escaped and which tells how many bytes of content
 * follow, so that no two trees give the same bytes.
 */
export class TreeDigest implements TreeVisitor {
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafeSlow(bufferSize);
  readonly #kept: KeptFacts;
  readonly #stamps: StampHash;
  /** Where each file with several names was met first. */
  readonly #links = new Map<string, BytePath>();
  readonly #onFile: (bytes: number) => void;
  #used = 0;
  #files = 0;
  #bytes = 0;

  /** onFile: called after each. */
  constructor(kept: KeptFacts, stamps: StampHash, onFile: (bytes: number) => void) {
    this.#kept = kept;
    this.#stamps = stamps;
    this.#onFile = onFile;
  }

  /** To be called for each pick before it is walked. */
  begin(pick: Pick): void {
    // Files are linked within one source only.
    this.#links.clear();
    const isDirectory = (pick.status.mode & fileTypes.mask) === fileTypes.directory;
    this.#line(["source", isDirectory ? "" : pick.label]);
  }

  /** What stands for itself. */
  single(pick: Pick): void {
    const node = { ...pick, path: "" };
    if ((pick.status.mode & fileTypes.mask) !== fileTypes.file) {
      const target = targetOf(pick);
      if (target === null) throw changed(pick.path);
      this.special(node, target);
      return;
    }
    const fd = openIfSame(pick, readFlags);
    if (fd === null) throw changed(pick.path);
    try {
      this.file({ ...node, status: statusOf(fd) }, fd);
    } finally {
      closeOpened(fd);
    }
  }

  enter(node: TreeNode, fd: number, isListed: boolean): void {
    // The target's own mode and owner are none of its business.
    if (node.path === "") return;
    this.#stamps.directory(node);
    this.#line(["directory", node.path, isListed, ...this.#facts(node.status), this.#attributes(fd)]);
  }

  leave(): void {}

  file(node: TreeNode, fd: number): void {
    const { status } = node;
    this.#stamps.add(node);
    // Layers do not change.
    if (!this.#kept.capabilities) outliveTick(status);
    if (this.#isLink(node)) {
      this.#count(0);
      return;
    }
    this.#line(["file", node.path, ...this.#facts(status), this.#attributes(fd), status.size]);
    this.#content(fd, status.size, node.path);
    this.#count(status.size);
  }

  special(node: TreeNode, target: BytePath): void {
    const { status } = node;
    const type = status.mode & fileTypes.mask;
    this.#stamps.add(node);
    this.#count(0);
    if (type === fileTypes.link) {
      const [, ...owner] = this.#facts(status);
      this.#line(["link", node.path, target, ...owner]);
    } else this.#line(["node", node.path, ...this.#facts(status), type, status.major, status.minor]);
  }

  loose(file: LooseFile): void {
    this.#line(["loose", file.name, file.mode, file.isDirectory === true]);
    if ("text" in file.content) {
      const bytes = Buffer.from(file.content.text, "utf8");
      this.#line([bytes.length]);
      this.#flush();
      this.#hash.update(bytes);
      this.#count(bytes.length);
    }
  }

  finish(): { digest: Digest; files: number; bytes: number; stamp: string } {
    this.#flush();
    const digest = digestOfHex(this.#hash.digest("hex"));
    return { digest, files: this.#files, bytes: this.#bytes, stamp: this.#stamps.finish() };
  }

  #count(bytes: number): void {
    this.#files++;
    this.#bytes += bytes;
    this.#onFile(bytes);
  }

  #facts({ mode, uid, gid }: FileStatus): number[] {
    return [mode & 0o7777, ...(this.#kept.owners ? [uid, gid] : [])];
  }

  /** As JSON can hold them. */
  #attributes(fd: number): string[] {
    const attributes = attributesOf(fd, this.#kept);
    return attributes.flatMap(([name, value]) => [name, value.toString("latin1")]);
  }

  #isLink({ path, status }: TreeNode): boolean {
    if (status.links < 2) return false;
    const first = this.#links.get(status.identity);
    if (first === undefined) this.#links.set(status.identity, path);
    else this.#line(["hard link", path, first]);
    return first !== undefined;
  }

  /** Texts are byte paths: JSON escapes what it must. */
  #line(parts: readonly unknown[]): void {
    const line = `${JSON.stringify(parts)}\n`;
    if (line.length * 2 > bufferSize - this.#used) this.#flush();
    if (line.length * 2 > bufferSize) this.#hash.update(line);
    else this.#used += this.#buffer.write(line, this.#used, "utf8");
  }

  #content(fd: number, size: number, path: BytePath): void {
    if (size > bufferSize - this.#used) this.#flush();
    for (let left = size; left > 0; ) {
      if (this.#used === bufferSize) this.#flush();
      const read = readSync(fd, this.#buffer, this.#used, Math.min(left, bufferSize - this.#used), null);
      if (read === 0) throw changed(path);
      this.#used += read;
      left -= read;
    }
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** What is changed after its content was read gets another time than it has now. */
function outliveTick({ changed: time }: FileStatus): void {
  const [seconds = "", nanoseconds = ""] = time.split(".");
  const age = Date.now() - Number(seconds) * 1000 - Number(nanoseconds) / 1e6;
  if (age > -clockTick && age < clockTick) Atomics.wait(neverWoken, 0, 0, clockTick - age);
}

/** Tells whether the same files were seen twice without a change in between. Cheap: no content. */
export class StampHash {
  readonly #hash = createHash("sha256");
  #text = "";

  /** Not by its path: a file may bear another name where it is copied to. */
  add({ name, status }: Pick | TreeNode): void {
    this.#line(`${status.identity} ${status.changed} ${status.size} ${name.length} ${name}`);
  }

  /** Without its time: that changes with files in it which nobody copies, and files do not change with the directory's name. */
  directory({ path, status }: TreeNode): void {
    this.#line(`${path.length} ${path} ${status.mode} ${status.uid} ${status.gid}`);
  }

  finish(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #line(text: string): void {
    this.#text += `${text}\n`;
    if (this.#text.length > 65_536) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#text, "latin1");
    this.#text = "";
  }
}

export function changed(path: BytePath): EngineError {
  return new EngineError("failed-precondition", `${textOf(path) || "a source"} was changed while it was read`, {
    hint: "build again when nobody writes to the build context",
  });
}
