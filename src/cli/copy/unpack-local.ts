import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { extract, type Header } from "tar-stream";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import { AnchoredTree, changeDirectoryMode } from "./anchored-tree.ts";
import { type CopyPlan, clean, renameEntry } from "./go-paths.ts";

/** Not in the library's types: names come with a character a byte. */
const extractOptions = { filenameEncoding: "latin1" } as Parameters<typeof extract>[0];

type Source = AsyncIterable<Uint8Array>;

const createFlags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;

/**
 * Takes a tar from a container apart, below a directory and nowhere else: a container may have put any name and any link into it. What is
 * made belongs to the caller. Nothing is written through a link, whether the archive brought it or it was there; directories that are
 * there are filled, files are replaced, and neither takes the place of the other.
 */
export class LocalUnpacker implements Disposable {
  readonly #plan: CopyPlan;
  /** Names are text with a character a byte, so that those which are no UTF-8 survive. */
  readonly #rename: CopyPlan["rename"];
  readonly #tar = extract(extractOptions);
  readonly #done: Promise<void>;
  readonly #tree: AnchoredTree;
  /** For the other ends of hard links. */
  readonly #linked: AnchoredTree;
  readonly #times: [parts: readonly string[], header: Header][] = [];

  constructor(plan: CopyPlan) {
    const { rename } = plan;
    this.#plan = { ...plan, directory: clean(plan.directory) };
    this.#rename = rename === null ? null : { from: byteText(rename.from), to: byteText(rename.to) };
    this.#tree = new AnchoredTree(this.#plan.directory);
    this.#linked = new AnchoredTree(this.#plan.directory);
    this.#done = this.#unpack();
    this.#done.catch(() => undefined);
  }

  /** Resolves when the next bytes may come. */
  async write(bytes: Uint8Array): Promise<void> {
    const room = new Promise<void>((resolve) => {
      if (this.#tar.write(bytes)) resolve();
      else this.#tar.once("drain", resolve);
    });
    await Promise.race([room, this.#done]);
  }

  async end(): Promise<void> {
    this.#tar.end(undefined);
    await this.#done;
    for (const [parts, header] of this.#times.reverse()) setTime(this.#tree.place(parts), header);
  }

  /** Closes what is open where the archive does not come to its end. What was made by then stays. */
  [Symbol.dispose](): void {
    this.#tar.destroy();
    const close = (): void => {
      this.#tree[Symbol.dispose]();
      this.#linked[Symbol.dispose]();
    };
    // What is being written may still need them.
    void this.#done.then(close, close);
  }

  async #unpack(): Promise<void> {
    for await (const entry of this.#tar) {
      const { header } = entry;
      const name = renameEntry(paxOf(header).path === undefined ? header.name : byteText(header.name), this.#rename);
      try {
        await this.#apply(name, header, entry as unknown as Source);
      } catch (error) {
        throw error instanceof EngineError
          ? error
          : new EngineError("internal", `write ${plainText(name)}: ${messageOf(error)}`);
      }
      entry.resume();
    }
  }

  async #apply(name: string, header: Header, content: Source): Promise<void> {
    const parts = partsOf(name);
    // The directory that is copied into stays as it is.
    if (parts.length === 0) return;
    const path = this.#tree.place(parts);
    if (!this.#makeWay(path, parts, header)) return;
    switch (header.type) {
      case "directory":
        fs.mkdirSync(path, 0o700);
        this.#describeDirectory(path, parts, header);
        break;
      case "file":
      case "contiguous-file":
        await writeFile(path, header, content);
        break;
      case "symlink":
        fs.symlinkSync(linkOf(header), path);
        setTime(path, header);
        break;
      case "link":
        this.#makeLink(path, header);
        break;
      default:
        makeNode(path, header);
        setTime(path, header);
    }
  }

  /** False: there is a directory as wanted, which got its attributes. */
  #makeWay(path: Buffer, parts: readonly string[], header: Header): boolean {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return true;
    const wantsDirectory = header.type === "directory";
    if (stat.isDirectory() !== wantsDirectory) {
      const [old, wanted] = wantsDirectory ? ["non-directory", "directory"] : ["directory", "non-directory"];
      const shown = JSON.stringify(join(this.#plan.directory, plainText(parts.join("/"))));
      throw new EngineError(
        "failed-precondition",
        `cannot overwrite ${old} ${shown} with ${wanted} ${JSON.stringify(this.#plan.directory)}`,
      );
    }
    if (wantsDirectory) {
      this.#describeDirectory(path, parts, header);
      return false;
    }
    fs.unlinkSync(path);
    return true;
  }

  #makeLink(path: Buffer, header: Header): void {
    const parts = partsOf(renameEntry(linkOf(header).toString("latin1"), this.#rename));
    fs.linkSync(this.#linked.place(parts), path);
  }

  #describeDirectory(path: Buffer, parts: readonly string[], header: Header): void {
    changeDirectoryMode(path, modeOf(header));
    this.#times.push([parts, header]);
  }
}

async function writeFile(path: Buffer, header: Header, content: Source): Promise<void> {
  const fd = fs.openSync(path, createFlags, 0o600);
  try {
    for await (const bytes of content) for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
    fs.fchmodSync(fd, modeOf(header));
    const seconds = secondsOf(header);
    fs.futimesSync(fd, seconds, seconds);
  } finally {
    fs.closeSync(fd);
  }
}

/** Node makes no devices and fifos: the host's programs do. */
function makeNode(path: Buffer, header: Header): void {
  const program = header.type === "fifo" ? "mkfifo" : "mknod";
  const kinds: Readonly<Record<string, string>> = { "character-device": "c", "block-device": "b" };
  const kind = kinds[header.type ?? ""];
  if (header.type !== "fifo" && kind === undefined) return;
  const device = kind === undefined ? [] : [kind, String(header.devmajor ?? 0), String(header.devminor ?? 0)];
  const mode = modeOf(header).toString(8);
  execFileSync(program, ["-m", mode, "--", path.toString(), ...device], { stdio: ["ignore", "ignore", "pipe"] });
}

/** Of a relative path that stays where it is. */
function partsOf(name: string): string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || name.includes("\0")) {
    throw new EngineError(
      "corrupt",
      `the container sent an entry that points elsewhere: ${JSON.stringify(plainText(name))}`,
    );
  }
  return parts;
}

function linkOf(header: Header): Buffer {
  return Buffer.from(header.linkname ?? "", paxOf(header).linkpath === undefined ? "latin1" : "utf8");
}

function paxOf(header: Header): Readonly<Record<string, string>> {
  return (header.pax ?? {}) as Record<string, string>;
}

function byteText(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function plainText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function modeOf(header: Header): number {
  return (header.mode ?? 0o644) & 0o7777;
}

function secondsOf(header: Header): number {
  return Math.floor((header.mtime?.getTime() ?? 0) / 1000);
}

function setTime(path: Buffer, header: Header): void {
  fs.lutimesSync(path, secondsOf(header), secondsOf(header));
}
