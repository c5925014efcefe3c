import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../../../engine/errors.ts";
import type { BuildResult } from "../../../engine/protocol/builds.ts";
import type { DownloadSink } from "../../client/download.ts";
import { openArchiveOutput } from "../archive-output.ts";
import { LocalUnpacker } from "../copy/unpack-local.ts";
import { wrong } from "./build-fields.ts";
import type { OutputPlan } from "./build-outputs.ts";

/** Where the bytes of an output go; disposing without `keep` leaves no half of a file. */
export type OutputFiles = AsyncDisposable & { readonly sink: DownloadSink | null; readonly keep: () => Promise<void> };

/** Opens the place that the user has named: a directory is filled as the user, and nothing is written outside of it. */
export async function openOutput({ output, destination }: OutputPlan): Promise<OutputFiles> {
  if (destination === null) return { sink: null, keep: async () => {}, [Symbol.asyncDispose]: async () => {} };
  if (output.type === "local") return openDirectory(destination);
  if (destination === "-" && process.stdout.isTTY) {
    throw wrong(`dest file is required for ${output.type} exporter. refusing to write to console`);
  }
  const file = await openArchiveOutput("build", destination);
  return {
    sink: (bytes) => file.write(bytes),
    keep: () => file.keep(),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function openDirectory(directory: string): OutputFiles {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw wrong(`output directory ${directory}: ${messageOf(cause)}`);
  }
  const unpacker = new LocalUnpacker({ directory, rename: null });
  return {
    sink: (bytes) => unpacker.write(bytes),
    keep: () => unpacker.end(),
    [Symbol.asyncDispose]: async () => unpacker[Symbol.dispose](),
  };
}

export type ResultFiles = { readonly iidfile?: string; readonly metadataFile?: string };

/** An old id beside a build that failed would be taken for its own. */
export function removeIDFile({ iidfile }: ResultFiles): void {
  if (iidfile !== undefined) rmSync(iidfile, { force: true });
}

/** `--iidfile` and `--metadata-file`, with BuildKit's keys. names: whole. */
export function writeResult(
  files: ResultFiles,
  { imageID, digest }: BuildResult,
  made: { readonly buildID: string; readonly names: readonly string[] },
): void {
  const { iidfile, metadataFile } = files;
  if (iidfile !== undefined && imageID !== null) write(iidfile, imageID);
  if (metadataFile === undefined) return;
  const metadata = {
    "buildx.build.ref": made.buildID,
    ...(imageID === null ? {} : { "containerimage.config.digest": imageID }),
    ...(imageID === null && digest === null ? {} : { "containerimage.digest": digest ?? imageID }),
    ...(made.names.length === 0 ? {} : { "image.name": made.names.join(",") }),
  };
  write(metadataFile, `${JSON.stringify(metadata, null, 2)}\n`);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw wrong(`write ${path}: ${messageOf(cause)}`);
  }
}
