import { openFileBrowser } from "../../engine/layers/files/file-browser.ts";
import type { FileFilter } from "../../engine/layers/files/files-tasks.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import type { FileEntry } from "../../engine/protocol/files.ts";
import { sourceOf, type TarItem, tarOf } from "./tar-of.ts";
import { tempRoot } from "./temp-root.ts";

export const everything: FileFilter = { contains: "", minimumSize: 0, changed: false };
const signal = AbortSignal.timeout(120_000);

export type LayerItems = readonly TarItem[] | Readonly<Record<string, string>>;

/** A layer store and a browser of its files, in a directory of their own. */
export async function openBrowsedLayers() {
  await using opening = new AsyncDisposableStack();
  const root = opening.use(await tempRoot());
  const layers = opening.use(await openLayerStore({ root: root.path }));
  const files = opening.use(await openFileBrowser({ root: root.path, layers }));
  const held = opening.move();

  const stack = async (...tars: readonly LayerItems[]): Promise<DiffID[]> => {
    const chain: DiffID[] = [];
    for (const items of tars) {
      const tar = tarOf(items);
      chain.push(tar.diffID);
      await layers.unpack(chain, sourceOf(tar, root.path), { signal });
    }
    return chain;
  };
  type View = { readonly layer?: number | null; readonly view?: "layer" | "upTo" };
  const viewOf = (of: readonly DiffID[] | string, { layer = null, view = "upTo" }: View = {}) => ({
    layers: typeof of === "string" ? { writable: of, mountPoints: ["/dev", "/dev/pts", "/etc/hosts"] } : { chain: of },
    layer,
    view,
  });
  type Query = View & {
    path?: string;
    filter?: FileFilter | null;
    order?: "name" | "size";
    offset?: number;
    limit?: number;
  };
  const list = (of: readonly DiffID[] | string, query: Query = {}) => {
    const { path = "/", filter = null, order = "name", offset = 0, limit = 1_000 } = query;
    return files.list(viewOf(of, query), { path, filter, order, offset, limit }, signal);
  };
  const read = async (of: readonly DiffID[] | string, path: string, view: View = {}) => {
    const page = await files.read(viewOf(of, view), { path, offset: 0, length: 65_536 }, signal);
    return Buffer.from(page.bytes).toString();
  };
  const archive = async (of: readonly DiffID[] | string, path: string, view: View = {}) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of files.archive(viewOf(of, view), path, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const compare = (left: readonly DiffID[] | string, right: readonly DiffID[] | string, contains = "") =>
    files.compare({ left: viewOf(left), right: viewOf(right), contains, offset: 0, limit: 1_000 }, signal);
  const waste = (of: readonly DiffID[] | string, view: View = {}) => files.waste(viewOf(of, view), 10, signal);
  return {
    root,
    layers,
    files,
    stack,
    list,
    read,
    archive,
    compare,
    waste,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export type BrowsedLayers = Awaited<ReturnType<typeof openBrowsedLayers>>;

/** `+/etc/motd 4`: what changed (`+` added, `~` modified, `-` removed, a space for nothing), where, and how large it is. */
export function linesOf(entries: readonly FileEntry[]): string[] {
  const marks = { added: "+", modified: "~", removed: "-", unchanged: " " } as const;
  return entries.map(({ change, path, size }) => `${marks[change]}${path} ${size}`);
}
