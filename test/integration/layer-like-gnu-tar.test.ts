import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lgetxattr, llistxattr } from "../../engine/host/syscalls.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { madeOf, sourceOf, type TarItem, tarOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

/** All there is to know of a tree, a line an entry. Directories whose time nobody set are told by `times: false`. */
function describeTree(root: string, options: { readonly times: boolean }): string[] {
  const firstByInode = new Map<number, string>();
  const walk = (path: string): string[] => {
    const names = readdirSync(Buffer.from(`${root}/${path}`, "latin1"), { encoding: "latin1" }).sort();
    return names.flatMap((name) => {
      const child = path === "" ? name : `${path}/${name}`;
      const absolute = Buffer.from(`${root}/${child}`, "latin1");
      const stat = lstatSync(absolute, { bigint: true });
      const first = firstByInode.get(Number(stat.ino));
      if (!stat.isDirectory()) firstByInode.set(Number(stat.ino), first ?? child);
      const content = stat.isFile()
        ? madeOf(readFileSync(absolute)).diffID.slice(7, 19)
        : stat.isSymbolicLink()
          ? readlinkSync(absolute, "latin1")
          : "";
      const xattrs = llistxattr(`${root}/${child}`).map(
        (key) => `${key}=${lgetxattr(`${root}/${child}`, key)?.toString("hex")}`,
      );
      const time = options.times ? stat.mtimeNs : "";
      const line = `${child} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${time} ${stat.rdev} ${content} ${first ?? ""} ${xattrs.sort()}`;
      return [line, ...(stat.isDirectory() ? walk(child) : [])];
    });
  };
  return walk("");
}

let root: TempRoot;
beforeAll(async () => {
  root = await tempRoot();
});
afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

let round = 0;
async function unpackBothWays(
  bytes: Buffer,
  options: { readonly times: boolean },
): Promise<[ours: string[], gnu: string[]]> {
  const directory = root.join(`round-${round++}`);
  mkdirSync(`${directory}/gnu`, { recursive: true });
  const tar = madeOf(bytes);
  const source = sourceOf(tar, directory);
  execFileSync(
    "tar",
    ["-x", "--numeric-owner", "--delay-directory-restore", "-p", "--xattrs", "--xattrs-include=*", "-f", source.path],
    {
      cwd: `${directory}/gnu`,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  await layers.unpack([tar.diffID], source, { signal: new AbortController().signal });
  const result: [string[], string[]] = [
    describeTree(layers.pathOf([tar.diffID]), options),
    describeTree(`${directory}/gnu`, options),
  ];
  rmSync(directory, { recursive: true });
  return result;
}

const layers = await openLayerStore({ root: `/tmp/gantry-test-gnu-${process.pid}` });
afterAll(async () => {
  await layers[Symbol.asyncDispose]();
  rmSync(`/tmp/gantry-test-gnu-${process.pid}`, { recursive: true });
});

const names = fc.constantFrom(
  "a",
  "b",
  "c",
  "dir",
  "x.txt",
  "naïve",
  "\xff\xfe",
  "with space",
  "new\nline",
  "n".repeat(90),
);
const paths = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const modes = fc.constantFrom(0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o000, 0o600);
const owners = fc.constantFrom(0, 1, 1000, 65_534, 2_000_000);
const items = fc.record({
  kind: fc.constantFrom("file", "file", "file", "symlink", "fifo", "character", "directory", "link"),
  path: paths,
  mode: modes,
  uid: owners,
  gid: owners,
  mtime: fc.integer({ min: 0, max: 2_000_000_000 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  data: fc.uint8Array({ maxLength: 1500 }),
  target: fc.oneof(paths, fc.constant("/etc/passwd"), fc.constant("../..")),
  xattr: fc.option(fc.string({ minLength: 1, maxLength: 20 })),
});
type Item = typeof items extends fc.Arbitrary<infer T> ? T : never;

/** Makes any items a tree that has an entry for each directory and no name twice, as archivers write it. */
function asTree(list: readonly Item[]): TarItem[] {
  const kinds = new Map<string, string>();
  const made: TarItem[] = [];
  for (const item of list) {
    const parts = item.path.split("/");
    const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
    if (kinds.has(item.path) || parents.some((parent) => (kinds.get(parent) ?? "directory") !== "directory")) continue;
    const linkTo = item.kind === "link" ? [...kinds].find(([, kind]) => kind === "file")?.[0] : undefined;
    if (item.kind === "link" && linkTo === undefined) continue;
    for (const parent of parents)
      if (!kinds.has(parent)) made.push(memberOf({ ...item, path: parent, kind: "directory" }));
    for (const parent of parents) kinds.set(parent, "directory");
    kinds.set(item.path, item.kind);
    made.push(memberOf({ ...item, target: linkTo ?? item.target }));
  }
  return made;
}

function memberOf(item: Item): TarItem {
  const types: Record<string, string> = {
    symlink: "2",
    fifo: "6",
    character: "3",
    directory: "5",
    link: "1",
    file: "0",
  };
  const isLink = item.kind === "symlink" || item.kind === "link";
  const bytes = (text: string) => Buffer.from(text, "latin1");
  const canHaveXattr = item.kind === "file" || item.kind === "directory";
  return {
    path: item.path,
    type: types[item.kind] ?? "0",
    data: item.kind === "file" ? Buffer.from(item.data) : "",
    mode: item.mode,
    major: item.kind === "character" ? 1 : 0,
    minor: item.kind === "character" ? 3 : 0,
    pax: {
      path: bytes(item.path),
      ...(isLink ? { linkpath: bytes(item.target) } : {}),
      uid: String(item.uid),
      gid: String(item.gid),
      mtime: `${item.mtime}.${String(item.nanoseconds).padStart(9, "0")}`,
      ...(item.xattr !== null && canHaveXattr ? { "SCHILY.xattr.user.test": Buffer.from(item.xattr) } : {}),
    },
  };
}

it("unpacks any tree as GNU tar does: content, types, owners, modes, times, links, attributes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(items, { minLength: 1, maxLength: 25 }), async (list) => {
      const [ours, gnu] = await unpackBothWays(tarOf(asTree(list)).bytes, { times: true });
      expect(ours).toEqual(gnu);
    }),
    { numRuns: 60 },
  );
});

it.each([["gnu"], ["pax"], ["ustar"], ["oldgnu"]])(
  "reads what GNU tar writes in format %s, sparse files too",
  async (format) => {
    const directory = root.join(`written-${format}`);
    mkdirSync(`${directory}/${"deep/".repeat(20)}`, { recursive: true });
    writeFileSync(`${directory}/${"deep/".repeat(20)}file`, "bottom");
    if (format !== "ustar") writeFileSync(`${directory}/${"long".repeat(40)}`, "long name");
    execFileSync(
      "sh",
      [
        "-c",
        "truncate -s 5M sparse; echo middle | dd of=sparse bs=1 seek=2000000 conv=notrunc 2>&-; ln sparse hard; ln -s deep soft",
      ],
      { cwd: directory },
    );
    for (const version of format === "pax" ? ["0.0", "0.1", "1.0"] : [null]) {
      const sparse = version === null ? ["--sparse"] : ["--sparse", `--sparse-version=${version}`];
      const options = format === "ustar" ? [] : sparse;
      const bytes = execFileSync("tar", ["-c", `--format=${format}`, ...options, "."], {
        cwd: directory,
        maxBuffer: 64 << 20,
      });
      const [ours, gnu] = await unpackBothWays(bytes, { times: true });
      expect(ours).toEqual(gnu);
      expect(ours.length).toBeGreaterThan(22);
    }
  },
);

it("lets later entries replace earlier ones, as GNU tar does", async () => {
  const tar = tarOf([
    { path: "a", data: "first", mode: 0o600 },
    { path: "a", data: "second", mode: 0o755 },
    { path: "b", type: "2", linkPath: "a" },
    { path: "b", data: "a file" },
    { path: "c", data: "x" },
    { path: "c/", mode: 0o700 },
    { path: "c/d", data: "in it" },
  ]);
  const [ours, gnu] = await unpackBothWays(tar.bytes, { times: true });
  expect(ours).toEqual(gnu);
});
