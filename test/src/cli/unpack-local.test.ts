import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LocalUnpacker } from "../../../src/cli/copy/unpack-local.ts";
import { type TarItem, tarOf } from "../../support/tar-of.ts";

let root: string;
let target: string;
let outside: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gantry-test-"));
  target = join(root, "target");
  outside = join(root, "outside");
  for (const path of [target, outside]) mkdirSync(path);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Gives the members one after the other, and does something between two of them. */
async function unpackAround(before: TarItem[], between: () => void, after: TarItem[]): Promise<void> {
  using unpacker = new LocalUnpacker({ directory: target, rename: null });
  await unpacker.write(tarOf(before, { end: false }).bytes);
  while (!existsSync(join(target, before.at(-1)?.path ?? ""))) await sleep(1);
  await sleep(20);
  between();
  await unpacker.write(tarOf(after).bytes);
  await unpacker.end();
}

/** Who may write to the target puts a link where a directory was. */
const swap = (path: string) => () => {
  renameSync(join(target, path), join(target, `${path}-was`));
  symlinkSync(outside, join(target, path));
};

it("goes on in the directory it was in, when somebody puts a link in its place", async () => {
  const before = [{ path: "a/" }, { path: "a/one", data: "1" }];
  const after = [{ path: "a/two", data: "2" }, { path: "a/sub/" }, { path: "a/sub/three", data: "3" }];
  await unpackAround(before, swap("a"), after).catch(() => undefined);
  expect(readdirSync(outside)).toEqual([]);
  expect(readFileSync(join(target, "a-was/sub/three"), "utf8")).toBe("3");
});

it.each<[string, TarItem[]]>([
  [
    "file",
    [
      { path: "b/x", data: "x" },
      { path: "a/two", data: "2" },
    ],
  ],
  ["directory", [{ path: "b/" }, { path: "a/", mode: 0o777 }]],
  [
    "hard link",
    [
      { path: "b/x", data: "x" },
      { path: "b/l", type: "1", linkPath: "a/secret" },
    ],
  ],
])("comes back to no link with a %s", async (_, after) => {
  const mode = statSync(outside).mode;
  await expect(unpackAround([{ path: "a/" }, { path: "a/one", data: "1" }], swap("a"), after)).rejects.toThrow();
  expect(readdirSync(outside)).toEqual([]);
  expect(statSync(outside).mode).toBe(mode);
  expect(readlinkSync(join(target, "a"))).toBe(outside);
});

/** Files and directories below a path that this process has open. */
function openBelow(path: string): string[] {
  const links = readdirSync("/proc/self/fd").map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "";
    }
  });
  return links.filter((link) => link.startsWith(path));
}

it("sets times and modes of directories once all is in them, and closes what it opened", async () => {
  const items: TarItem[] = [];
  for (let index = 0; index < 300; index++) {
    items.push(
      { path: `d${index}/`, mode: 0o750, mtime: 1_000_000 },
      { path: `d${index}/e/`, mode: 0o500, mtime: 2_000_000 },
    );
    items.push(
      { path: `d${index}/e/f`, data: "x", mtime: 3_000_000 },
      { path: `d${index}/g`, type: "1", linkPath: `d${index}/e/f` },
    );
  }
  await unpackAround(items, () => {}, []);
  await sleep(1);
  expect(openBelow(root)).toEqual([]);
  const [outer, inner] = [statSync(join(target, "d7")), statSync(join(target, "d7/e"))];
  expect([outer.mode & 0o7777, outer.mtimeMs, inner.mode & 0o7777, inner.mtimeMs]).toEqual([0o750, 1e9, 0o500, 2e9]);
  expect(statSync(join(target, "d7/g")).nlink).toBe(2);
  chmodSync(join(target, "d7/e"), 0o700);
});
