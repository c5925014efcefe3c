import {
  createWriteStream,
  lstatSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { EngineError, messageOf } from "../../engine/errors.ts";

const linkHops = 40;
/** Not in Node's constants: sticky(7). */
const openToAll = 0o1002;

/** Where an archive goes. Disposing without `keep` leaves nothing. */
export interface ArchiveOutput extends AsyncDisposable {
  write(bytes: Buffer): Promise<void>;
  /** All is written: gives it its name. */
  keep(): Promise<void>;
}

/**
 * Opens a file, or stdout for null and `-`. A file appears under its name only when it is whole, with mode 0600, since an image may hold
 * secrets; what is no regular file (a device, a fifo) is written as it is. Fails with `invalid-argument`: a terminal takes no archive.
 */
export async function openArchiveOutput(verb: string, path: string | null): Promise<ArchiveOutput> {
  if (path === null || path === "-") {
    if (process.stdout.isTTY) {
      throw new EngineError("invalid-argument", `cowardly refusing to ${verb} to a terminal`, {
        hint: "use the -o flag or redirect",
      });
    }
    return streamOutput(process.stdout);
  }
  const target = resolveTarget(path);
  return target.isSpecial ? streamOutput(createWriteStream(target.path, { flags: "w" })) : fileOutput(target.path);
}

function resolveTarget(path: string): { readonly path: string; readonly isSpecial: boolean } {
  const directory = statSync(dirname(resolve(path)), { throwIfNoEntry: false });
  if (!directory?.isDirectory()) {
    throw new EngineError("not-found", `output ${path}: directory ${dirname(path)} does not exist`);
  }
  const target = followLinks(path);
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new EngineError("invalid-argument", `output ${path} is a directory`);
  const isSpecial = found !== undefined && !found.isFile();
  if (isSpecial) refuseTrap(path, target, found);
  return { path: target, isSpecial };
}

/** Where a file really lies, so that a symbolic link to it stays one. */
function followLinks(path: string): string {
  let at = resolve(path);
  for (let hop = 0; hop < linkHops; hop++) {
    at = join(realpathSync(dirname(at)), basename(at));
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (!stat?.isSymbolicLink()) return at;
    refuseTrap(path, at, stat);
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw new EngineError("invalid-argument", `output ${path}: too many symbolic links`);
}

/**
 * The kernel's rule for links and fifos in directories like /tmp (proc(5), protected_symlinks), which a rename does not ask for: only the
 * caller's own count, and the directory's owner's.
 */
function refuseTrap(path: string, at: string, { uid }: Stats): void {
  const directory = statSync(dirname(at));
  const isOpenToAll = (directory.mode & openToAll) === openToAll;
  if (!isOpenToAll || uid === process.geteuid?.() || uid === directory.uid) return;
  throw new EngineError("permission-denied", `output ${path}: ${at} was put there by another user (${uid})`, {
    hint: "take another name, or remove it if you know it",
  });
}

function streamOutput(stream: NodeJS.WritableStream): ArchiveOutput {
  let failure: Error | null = null;
  let fail: (error: Error) => void = () => {};
  stream.on("error", (error: Error) => {
    failure = error;
    fail(error);
  });
  const settle = (act: (done: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      fail = reject;
      if (failure !== null) reject(failure);
      else act((error) => (error ? reject(error) : resolve()));
    });
  return {
    write: (bytes) => settle((done) => stream.write(bytes, done)),
    keep: () => (stream === process.stdout ? Promise.resolve() : settle((done) => stream.end(done))),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function fileOutput(path: string): Promise<ArchiveOutput> {
  // A directory beside it: made with a name that was free, and for nobody else's eyes.
  let beside: string;
  let file: FileHandle;
  try {
    beside = mkdtempSync(join(dirname(path), `.${basename(path)}.`));
    file = await open(join(beside, "archive"), "wx", 0o600);
  } catch (error) {
    throw writeFailure(path, error);
  }
  const drop = (): void => rmSync(beside, { recursive: true, force: true });
  // Also when a signal ends the process.
  process.once("exit", drop);
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        try {
          at += (await file.write(bytes, at)).bytesWritten;
        } catch (error) {
          throw writeFailure(path, error);
        }
      }
    },
    keep: async () => {
      try {
        await file.datasync();
        await file.close();
        renameSync(join(beside, "archive"), path);
      } catch (error) {
        throw writeFailure(path, error);
      }
    },
    [Symbol.asyncDispose]: async () => {
      process.off("exit", drop);
      await file.close().catch(() => {});
      drop();
    },
  };
}

function writeFailure(path: string, cause: unknown): EngineError {
  const isFull = ["ENOSPC", "EDQUOT"].includes((cause as NodeJS.ErrnoException).code ?? "");
  const reason = isFull ? "no space left on its disk" : messageOf(cause);
  return new EngineError(isFull ? "resource-exhausted" : "invalid-argument", `write ${path}: ${reason}`, { cause });
}
