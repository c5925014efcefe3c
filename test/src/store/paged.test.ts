import { expect, it } from "vitest";
import { itemAt, moveTo, openPaged, type Paged, pageSize, pagesAround, takePages } from "../../../src/store/paged.ts";

type Item = { readonly name: string };
const nameOf = ({ name }: Item) => name;

const page = (number: number, total: number, prefix = "file") => ({
  number,
  total,
  items: Array.from({ length: Math.min(pageSize, total - number * pageSize) }, (_, index) => ({
    name: `${prefix} ${number * pageSize + index}`,
  })),
});

/** All pages that are missing, as the feed fetches them. */
function filled(list: Paged<Item>, total: number): Paged<Item> {
  const missing = pagesAround(list).filter((number) => !list.pages.has(number));
  return missing.reduce(
    (next, number) => takePages(next, { pages: [page(number, total)], isLook: false }, nameOf),
    list,
  );
}

it("keeps half a million rows in a few pages, wherever the cursor goes", () => {
  const total = 500_000;
  let list = filled(openPaged<Item>("q"), total);
  for (const index of [0, 150, 199, 200, 40_000, 499_999, 250_000, 7]) {
    list = filled(moveTo(list, index, nameOf), total);
    expect(itemAt(list, index)?.name).toBe(`file ${index}`);
    expect(list.pages.size).toBeLessThanOrEqual(6);
    // What a screen of any height shows around it is here, too.
    for (const near of [index - 100, index + 100]) {
      if (near >= 0 && near < total) expect(itemAt(list, near)?.name).toBe(`file ${near}`);
    }
  }
  expect(moveTo(list, Number.POSITIVE_INFINITY, nameOf).cursor).toBe(499_999);
  expect(moveTo(list, Number.NEGATIVE_INFINITY, nameOf).cursor).toBe(0);
});

it("stays on a row that moves, and on its place when the row is gone", () => {
  const look = (names: readonly string[]) => ({
    pages: [{ number: 0, total: names.length, items: names.map((name) => ({ name })) }],
    isLook: true,
  });
  let list = takePages(openPaged<Item>("q"), look(["a", "b", "c"]), nameOf);
  expect(list.chosen).toBe("a");
  list = moveTo(list, 1, nameOf);
  list = takePages(list, look(["b", "a", "c"]), nameOf);
  expect([list.cursor, list.chosen]).toEqual([0, "b"]);
  list = takePages(list, look(["x", "a", "c", "b"]), nameOf);
  expect([list.cursor, list.chosen]).toEqual([3, "b"]);
  list = takePages(list, look(["x", "a"]), nameOf);
  expect([list.cursor, list.chosen]).toEqual([1, "a"]);
});

it("is the same list where a look brings nothing new", () => {
  const list = takePages(openPaged<Item>("q"), { pages: [page(0, 3)], isLook: true }, nameOf);
  expect(takePages(list, { pages: [page(0, 3)], isLook: true }, nameOf)).toBe(list);
});
