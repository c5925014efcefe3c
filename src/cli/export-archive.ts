import type { EngineClient } from "../client/connection.ts";
import { download } from "../client/download.ts";
import { openArchiveOutput } from "./archive-output.ts";
import type { Cli } from "./cli.ts";
import { Interruptible } from "./interrupt.ts";

export type ExportFlags = { readonly output?: string };

/** Writes the tar that `request` has the engine send on a stream to the file of the flags, or to stdout. */
export async function exportArchive(
  cli: Cli,
  { output }: ExportFlags,
  request: (client: EngineClient, streamID: string) => Promise<unknown>,
): Promise<void> {
  await using archive = await openArchiveOutput("export", output ?? null);
  const client = await cli.connect();
  using _leaving = new Interruptible();
  await download(
    client,
    (bytes) => archive.write(bytes),
    (streamID) => request(client, streamID),
  );
  await archive.keep();
}
