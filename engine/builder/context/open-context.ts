import { mkdir, stat } from "node:fs/promises";
import { EngineError } from "../../errors.ts";
import { errnoOf } from "../../host/errno.ts";
import type { BuildContext, OpenContext } from "./build-context.ts";
import { DirectoryContext } from "./directory-context.ts";
import { openRemoteContext } from "./remote-context.ts";
import { openScratch } from "./scratch.ts";
import { unpackStream } from "./unpack-stream.ts";

/**
 * Fails with `not-found` where a directory is not there, `invalid-argument` for what is none, `corrupt` for a tar that is broken; then nothing is
 * left in the scratch directory.
 */
export const openContext: OpenContext = async (source, options) => {
  switch (source.type) {
    case "directory":
      await checkDirectory(source.path);
      return new DirectoryContext(source.path, { source: null, scratch: null });
    case "empty": {
      const scratch = await openScratch(options.scratch);
      return new DirectoryContext(scratch.path, { source: null, scratch });
    }
    case "stream": {
      const { stream } = options;
      if (stream === null) throw new EngineError("invalid-argument", "the build has no stream for its context");
      return await inScratch(options.scratch, (directory) => unpackStream(stream, directory, options));
    }
    case "remote":
      return await openRemoteContext(source.url, options);
  }
};

/** A context in a directory of its own, which goes with it, or at once where `fill` fails. */
async function inScratch(parent: string, fill: (directory: string) => Promise<void>): Promise<BuildContext> {
  await using opening = new AsyncDisposableStack();
  const scratch = opening.use(await openScratch(parent));
  const directory = `${scratch.path}/files`;
  await mkdir(directory, { mode: 0o755 });
  await fill(directory);
  opening.move();
  return new DirectoryContext(directory, { source: null, scratch });
}

async function checkDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") {
      throw new EngineError("not-found", `path ${JSON.stringify(path)} not found`, { cause: error });
    }
    throw EngineError.wrap(`open context ${path}`, error);
  }
  throw new EngineError("invalid-argument", `context ${path} is not a directory`);
}
