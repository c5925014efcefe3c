import type { FileEntry } from "../../engine/protocol/files.ts";
import type { Page, Paged } from "./paged.ts";

type Look = { readonly pages: readonly Page<FileEntry>[]; readonly at: number };

/**
 * By path: bytes a second since the look before, of what has changed its size. What is new has grown by its size, where the look before
 * had seen all there was.
 */
export function growthOf(
  { list, lookedAt }: { readonly list: Paged<FileEntry>; readonly lookedAt: number },
  { pages, at }: Look,
): ReadonlyMap<string, number> {
  const seconds = (at - lookedAt) / 1000;
  if (lookedAt === 0 || seconds <= 0) return new Map();
  const before = new Map([...list.pages.values()].flat().map(({ path, size }) => [path, size]));
  const sawAll = list.total !== null && before.size >= list.total;
  const rates = new Map<string, number>();
  for (const { path, size } of pages.flatMap(({ items }) => items)) {
    const old = before.get(path) ?? (sawAll ? 0 : size);
    if (size !== old) rates.set(path, Math.round((size - old) / seconds));
  }
  return rates;
}
