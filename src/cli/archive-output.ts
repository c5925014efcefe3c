import { createWriteStream, mkdtempSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { EngineError, messageOf } from "../../engine/errors.ts";

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

/** Follows a symbolic link, so that it stays one. */
function resolveTarget(path: string): { readonly path: string; readonly isSpecial: boolean } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new EngineError("invalid-argument", `output ${path} is a directory`);
  if (found !== undefined) return { path: realpathSync(path), isSpecial: !found.isFile() };
  const directory = statSync(dirname(resolve(path)), { throwIfNoEntry: false });
  if (directory?.isDirectory()) return { path: resolve(path), isSpecial: false };
  throw new EngineError("not-found", `output ${path}: directory ${dirname(path)} does not exist`);
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
