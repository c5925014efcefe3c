import { createReadStream } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { EngineError } from "../../errors.ts";
import { TarParser } from "../../layers/tar-parser.ts";
import { findCompression } from "../../lib/compression.ts";
import type { ContextOptions } from "./build-context.ts";
import { DirectoryContext } from "./directory-context.ts";
import { download } from "./download.ts";
import { cloneRepository, withoutSecrets } from "./git-clone.ts";
import { type GitReference, parseGitReference } from "./git-reference.ts";
import { parseAddress, shown } from "./http-get.ts";
import { scopedDirectory } from "./scoped-directory.ts";
import { openScratch, type Scratch } from "./scratch.ts";
import { unpackStream } from "./unpack-stream.ts";

/** Opens a repository, or what lies at an http address: a tar, or a Dockerfile by itself. */
export async function openRemoteContext(url: string, options: ContextOptions): Promise<DirectoryContext> {
  await using opening = new AsyncDisposableStack();
  const reference = parseGitReference(url);
  const scratch = opening.use(await openScratch(options.scratch, reference !== null));
  const context =
    reference === null ? await openFile(url, scratch, options) : await openRepository(reference, scratch, options);
  opening.move();
  return context;
}

async function openRepository(
  reference: GitReference,
  scratch: Scratch,
  { signal }: ContextOptions,
): Promise<DirectoryContext> {
  const directory = `${scratch.path}/files`;
  await mkdir(directory, { mode: 0o755 });
  const keepsGit = reference.keepsGit ?? false;
  const { commit } = await cloneRepository(reference, { directory, keepsGit, signal });
  const source = `${withoutSecrets(reference.remote)}#${commit}`;
  return new DirectoryContext(scopedDirectory(directory, reference.directory), { source, scratch });
}

async function openFile(url: string, scratch: Scratch, options: ContextOptions): Promise<DirectoryContext> {
  if (!/^https?:\/\//i.test(url)) {
    throw new EngineError("invalid-argument", `${withoutSecrets(url)} is no address of a build context`, {
      hint: "give a directory, an http(s) address of a tar or a Dockerfile, or a git repository",
    });
  }
  const path = `${scratch.path}/download`;
  const directory = `${scratch.path}/files`;
  await mkdir(directory, { mode: 0o755 });
  await download(url, { path, signal: options.signal, checksum: null, onProgress: options.onProgress });
  const source = shown(parseAddress(url));
  if (!(await isArchive(path))) {
    await rename(path, `${directory}/Dockerfile`);
    return new DirectoryContext(directory, { source, scratch, onlyFile: "Dockerfile" });
  }
  await unpackStream(createReadStream(path, { highWaterMark: 512 * 1024 }), directory, {
    signal: options.signal,
    onProgress: () => {},
  });
  return new DirectoryContext(directory, { source, scratch });
}

/** As docker tells a tar from a Dockerfile: by how it begins. */
async function isArchive(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8192), 0, 8192, 0);
    const head = buffer.subarray(0, bytesRead);
    return findCompression(head) !== "none" || beginsAsTar(head);
  } finally {
    await file.close();
  }
}

function beginsAsTar(head: Buffer): boolean {
  const parser = new TarParser({ begin: () => {}, write: () => {}, end: () => {} });
  try {
    parser.push(head);
  } catch {
    return false;
  }
  return parser.entries > 0;
}
