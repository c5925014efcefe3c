import { extract, type Header } from "tar-stream";
import { download } from "../../src/client/download.ts";
import type { TestEngine } from "./engine.ts";

export type ListedEntry = Header & { readonly content: string };

/** All entries of an archive, in order. */
export async function entriesOf(archive: Buffer): Promise<ListedEntry[]> {
  const tar = extract();
  tar.end(archive);
  const entries: ListedEntry[] = [];
  for await (const entry of tar) {
    const pieces: Buffer[] = [];
    for await (const piece of entry as AsyncIterable<Buffer>) pieces.push(piece);
    entries.push({ ...entry.header, content: Buffer.concat(pieces).toString() });
  }
  return entries;
}

/** `name`, `name -> target` of a link, `name = content` of a file, in byte order. */
export async function listingOf(archive: Buffer): Promise<string[]> {
  const lines = (await entriesOf(archive)).map(({ name, type, linkname, content }) => {
    if (type === "symlink" || type === "link") return `${name} ${type === "link" ? "=>" : "->"} ${linkname}`;
    return type === "file" ? `${name} = ${content.trim()}` : name;
  });
  return lines.sort();
}

/** What the engine sends for a request with a stream. */
export async function receive(engine: TestEngine, request: (streamID: string) => Promise<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const take = async (bytes: Buffer) => void pieces.push(Buffer.from(bytes));
  await download(engine.client, take, request);
  return Buffer.concat(pieces);
}

/** A path of a container as tar. */
export function copyOut(engine: TestEngine, container: string, path: string): Promise<Buffer> {
  return receive(engine, (streamID) => {
    return engine.client.request("containers.copyOut", { container, path, streamID, followLink: false });
  });
}
