/**
 * A long list that lies in the engine and is here by pages. Only pages near the cursor are kept, so that half a million rows
 * take no more memory than a thousand.
 */
export type Paged<Item> = {
  /** Names the question. An answer to another one is late and dropped. */
  readonly key: string;
  /** Null until the first answer. */
  readonly total: number | null;
  /** By number; each has `pageSize` items, but for the last. */
  readonly pages: ReadonlyMap<number, readonly Item[]>;
  readonly cursor: number;
  /** What the cursor was put on by a person: it stays on it where rows change their places. */
  readonly chosen: string | null;
  /** Why there is no answer, or empty. */
  readonly error: string;
};

export const pageSize = 200;
/** Rows around the cursor that shall be here: more than any screen has. */
const reach = 150;
const keptPages = 6;

export function openPaged<Item>(key: string): Paged<Item> {
  return { key, total: null, pages: new Map(), cursor: 0, chosen: null, error: "" };
}

export function itemAt<Item>(list: Paged<Item>, index: number): Item | null {
  return list.pages.get(Math.floor(index / pageSize))?.[index % pageSize] ?? null;
}

/** True where the rows of any window of `count` that holds the cursor are here. */
export function isHere<Item>({ total, cursor, pages }: Paged<Item>, count: number): boolean {
  if (total === null) return false;
  const from = Math.max(0, cursor - count + 1);
  const to = Math.min(total - 1, cursor + count - 1);
  for (let number = Math.floor(from / pageSize); number * pageSize <= to; number += 1) {
    if (!pages.has(number)) return false;
  }
  return true;
}

/** Numbers of the pages around the cursor. */
export function pagesAround(list: Pick<Paged<unknown>, "total" | "cursor">): readonly number[] {
  if (list.total === null) return [0];
  const last = Math.max(0, Math.floor((list.total - 1) / pageSize));
  const from = Math.max(0, Math.floor((list.cursor - reach) / pageSize));
  const to = Math.min(last, Math.floor((list.cursor + reach) / pageSize));
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

export type Page<Item> = { readonly number: number; readonly items: readonly Item[]; readonly total: number };

/**
 * Puts pages in their places; with `isLook` all others are out of date and go. The cursor stays on what it stands on, which `nameOf`
 * tells. Gives the same list back where nothing is new.
 */
export function takePages<Item>(
  list: Paged<Item>,
  { pages: fresh, isLook }: { readonly pages: readonly Page<Item>[]; readonly isLook: boolean },
  nameOf: (item: Item) => string,
): Paged<Item> {
  const total = fresh.at(-1)?.total ?? list.total ?? 0;
  const isKnown = fresh.every(({ number, items }) => isSame(list.pages.get(number), items));
  if (isKnown && list.total === total && list.error === "" && !(isLook && list.pages.size > fresh.length)) return list;
  const pages = new Map(isLook ? [] : list.pages);
  for (const { number, items } of fresh) pages.set(number, items);
  const next = { ...list, total, error: "", pages, cursor: Math.max(0, Math.min(list.cursor, total - 1)) };
  const found = list.chosen === null ? null : findIn(fresh, list.chosen, nameOf);
  const cursor = found ?? next.cursor;
  const item = itemAt(next, cursor);
  const moved = { ...next, cursor, chosen: item === null ? list.chosen : nameOf(item) };
  return { ...moved, pages: near(pages, moved) };
}

function findIn<Item>(pages: readonly Page<Item>[], name: string, nameOf: (item: Item) => string): number | null {
  for (const { number, items } of pages) {
    const index = items.findIndex((item) => nameOf(item) === name);
    if (index !== -1) return number * pageSize + index;
  }
  return null;
}

/** Moves the cursor as far as there are rows. */
export function moveTo<Item>(list: Paged<Item>, index: number, nameOf: (item: Item) => string): Paged<Item> {
  // What was pressed before the first answer came is not lost.
  const last = list.total === null ? pageSize - 1 : list.total - 1;
  const cursor = Math.max(0, Math.min(index, last));
  const item = itemAt(list, cursor);
  const chosen = item === null ? null : nameOf(item);
  if (cursor === list.cursor && chosen === list.chosen) return list;
  return { ...list, cursor, chosen };
}

function near<Item>(
  pages: ReadonlyMap<number, readonly Item[]>,
  { cursor, total }: Pick<Paged<Item>, "cursor" | "total">,
): ReadonlyMap<number, readonly Item[]> {
  const last = Math.floor(Math.max(0, (total ?? 1) - 1) / pageSize);
  const here = cursor / pageSize - 0.5;
  const numbers = [...pages.keys()].filter((number) => number <= last);
  const kept = numbers.sort((a, b) => Math.abs(a - here) - Math.abs(b - here)).slice(0, keptPages);
  return new Map(kept.map((number) => [number, pages.get(number) ?? []]));
}

function isSame(left: readonly unknown[] | undefined, right: readonly unknown[]): boolean {
  return left?.length === right.length && JSON.stringify(left) === JSON.stringify(right);
}
