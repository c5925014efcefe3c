import { Readable } from "node:stream";
import { extract, type Header } from "tar-stream";

/** What stands at a path of an image: everything of it that a builder may get wrong. */
export type FlatEntry = {
  readonly type: string;
  /** Permission bits. */
  readonly mode: number;
  readonly owner: string;
  /** Milliseconds since 1970, or `new` for what the build has made. */
  readonly modifiedAt: number | "new";
  readonly target: string;
  readonly device: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: string;
};

export type FlatImage = ReadonlyMap<string, FlatEntry>;

type Member = { readonly header: Header; readonly content: Buffer };

/** Members of a tar, in order. */
async function membersOf(bytes: Uint8Array): Promise<Member[]> {
  const tar = extract();
  Readable.from([Buffer.from(bytes)]).pipe(tar);
  const members: Member[] = [];
  for await (const entry of tar) {
    const pieces: Buffer[] = [];
    for await (const piece of entry as AsyncIterable<Buffer>) pieces.push(piece);
    members.push({ header: entry.header, content: Buffer.concat(pieces) });
  }
  return members;
}

export type SavedImage = { readonly config: Record<string, unknown>; readonly files: FlatImage };

/** The one image of a docker-archive, its layers put over each other. `since`: milliseconds; what is later is new. */
export async function flattenSaved(archive: Uint8Array, since: number): Promise<SavedImage> {
  const members = new Map((await membersOf(archive)).map((member) => [member.header.name, member]));
  const contentOf = (name: string): Buffer => {
    const member = members.get(name);
    if (member === undefined) throw new Error(`archive lacks ${name}`);
    // docker 20.10 saves a layer once, and links to it.
    const { type, linkname } = member.header;
    return type === "symlink" ? contentOf(`${(linkname ?? "").replace(/^(\.\.\/)+/, "")}`) : member.content;
  };
  const [manifest] = JSON.parse(contentOf("manifest.json").toString()) as { Config: string; Layers: string[] }[];
  if (manifest === undefined) throw new Error("archive has no image");
  const files = new Map<string, FlatEntry>();
  for (const layer of manifest.Layers) await putOver(files, contentOf(layer), since);
  const document = JSON.parse(contentOf(manifest.Config).toString()) as { config?: Record<string, unknown> };
  return { config: document.config ?? {}, files };
}

async function putOver(files: Map<string, FlatEntry>, layer: Uint8Array, since: number): Promise<void> {
  const members = await membersOf(layer);
  for (const { header } of members) hide(files, pathOf(header.name));
  for (const { header, content } of members) {
    const path = pathOf(header.name);
    if (baseOf(path).startsWith(".wh.")) continue;
    const known = files.get(path);
    if (known?.type === "directory" && header.type !== "directory") drop(files, path);
    files.set(path, entryOf(header, { files, content, since }));
  }
}

/** Whiteouts (OCI image-spec, layer.md). */
function hide(files: Map<string, FlatEntry>, path: string): void {
  const base = baseOf(path);
  const parent = path.slice(0, path.length - base.length);
  if (base === ".wh..wh..opq") drop(files, parent.replace(/\/$/, ""));
  else if (base.startsWith(".wh.")) {
    files.delete(parent + base.slice(4));
    drop(files, parent + base.slice(4));
  }
}

/** All that stands below. */
function drop(files: Map<string, FlatEntry>, path: string): void {
  for (const other of [...files.keys()]) if (other.startsWith(`${path}/`)) files.delete(other);
}

function entryOf(
  header: Header,
  { files, content, since }: { files: FlatImage; content: Buffer; since: number },
): FlatEntry {
  const modifiedAt = header.mtime?.getTime() ?? 0;
  const pax = (header.pax ?? {}) as Record<string, string>;
  const attributes = Object.entries(pax).filter(([key]) => key.startsWith("SCHILY.xattr."));
  // A hard link is what it leads to.
  if (header.type === "link") {
    const known = files.get(pathOf(header.linkname ?? ""));
    if (known !== undefined) return known;
  }
  return {
    type: header.type ?? "file",
    mode: (header.mode ?? 0) & 0o7777,
    owner: `${header.uid}:${header.gid}`,
    modifiedAt: modifiedAt >= since ? "new" : modifiedAt,
    target: header.linkname ?? "",
    device: header.type?.endsWith("-device") ? `${header.devmajor}:${header.devminor}` : "",
    attributes: Object.fromEntries(attributes),
    content: content.toString("latin1"),
  };
}

function pathOf(name: string): string {
  return `/${name.replace(/^(\.?\/)+/, "").replace(/\/$/, "")}`;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
