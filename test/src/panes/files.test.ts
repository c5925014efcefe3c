import "../../support/blessed-hook.ts";
import stringWidth from "string-width";
import { expect, it } from "vitest";
import type { FileEntry } from "../../../engine/protocol/files.ts";
import { drawTable } from "../../../src/components/table.ts";
import { resolveLink } from "../../../src/panes/files/actions.ts";
import { splitChanges } from "../../../src/panes/files/commit.ts";
import { twinOf } from "../../../src/panes/files/extract.ts";
import { fileRows, movedTop, topOf } from "../../../src/panes/files/file-view.ts";
import { choiceText, layerLines } from "../../../src/panes/files/layer-list.ts";
import { shellWord } from "../../../src/panes/files/shell-word.ts";
import { crumbs, treeColumns, treeLook, treeRows } from "../../../src/panes/files/tree-view.ts";
import { percentText, wasteHead } from "../../../src/panes/files/waste-view.ts";
import type { LayerRow } from "../../../src/panes/layers/rows.ts";
import {
  asked,
  type Browser,
  closedBrowser,
  type FileScreen,
  reduceBrowser,
  type TreeScreen,
} from "../../../src/store/browser.ts";
import { openPaged } from "../../../src/store/paged.ts";
import type { Line } from "../../../src/theme/tokens.ts";

const textOf = (row: Line) => row.spans.map(({ text }) => text).join("");

function anEntry(path: string, fields: Partial<FileEntry> = {}): FileEntry {
  return {
    path,
    type: "file",
    size: 1000,
    mode: 0o644,
    uid: 0,
    gid: 0,
    modifiedAt: "2026-11-22T00:00:00Z",
    linkTarget: "",
    change: "unchanged",
    layer: 0,
    entries: 0,
    ...fields,
  };
}

const layer = (order: number, fields: Partial<LayerRow> = {}): LayerRow => ({
  id: `l${order}`,
  kind: "layer",
  order,
  diffID: `sha256:${order}`,
  size: order * 1e6,
  command: `RUN step ${order}`,
  comment: "",
  createdAt: "",
  sharedBy: [],
  ...fields,
});
const layers = [layer(1), layer(2), layer(3)];

function aTree(fields: Partial<TreeScreen> = {}): TreeScreen {
  return asked(
    {
      kind: "files",
      browsed: { type: "image", id: "sha256:i", name: "nginx" },
      layers,
      choice: { layer: 2, view: "upTo" },
      order: "directories",
      filter: { contains: "", minimumSize: 0, changed: false },
      path: "/",
      list: openPaged("old"),
      trail: [],
      growth: null,
      live: null,
      lookedAt: 0,
      shown: null,
      isSlow: false,
      ...fields,
    },
    {},
  );
}

function answered(screen: TreeScreen, entries: readonly FileEntry[], at = 1_000): TreeScreen {
  const browser: Browser = [screen];
  const pages = [{ number: 0, items: entries, total: entries.length }];
  const [next] = reduceBrowser(browser, { type: "entries", key: screen.list.key, pages, isLook: true, at });
  if (next?.kind !== "files") throw new Error("no tree");
  return next;
}

function drawn(screen: TreeScreen, width: number, isLive = false): string[] {
  const { header, lines } = drawTable({
    columns: treeColumns(treeLook(screen, isLive)),
    rows: treeRows(screen, 0, 20),
    width,
    from: 0,
    count: 20,
    selected: 0,
    selectedFill: "selection",
    gutter: () => ({ text: " ", tone: "text" }),
  });
  return [header, ...lines].map(textOf);
}

it("draws what changed with a sign, permissions, owner, size and where links lead", () => {
  const screen = answered(aTree({ path: "/etc" }), [
    anEntry("/etc/nginx", { type: "directory", mode: 0o755, size: 5e6, change: "modified" }),
    anEntry("/etc/new", { change: "added", mode: 0o4755, uid: 1000, gid: 65534 }),
    anEntry("/etc/gone", { change: "removed", size: 10 }),
    anEntry("/etc/link", { type: "symlink", size: 0, mode: 0o777, linkTarget: "/run/x\u001b[2J" }),
    anEntry("/etc/tw\u001b]0;in\u0007\udcff", { type: "hardlink", size: 0, linkTarget: "/etc/new" }),
  ]);
  expect(drawn(screen, 90).map((row) => row.trimEnd())).toEqual([
    "     MODE        OWNER           SIZE            NAME",
    "  ~  drwxr-xr-x  0:0              5MB  ████████  nginx/",
    "  +  -rwsr-xr-x  1000:65534       1kB  ╌╌╌╌╌╌╌╌  new",
    "  -  -rw-r--r--  0:0              10B  ╌╌╌╌╌╌╌╌  gone",
    "     lrwxrwxrwx  0:0                             link → /run/x",
    "     -rw-r--r--  0:0                             tw\ufffd = /etc/new",
  ]);
  for (const width of [40, 57, 77, 100]) {
    for (const row of drawn(screen, width)) expect(stringWidth(row)).toBe(width);
  }
});

it("names what a search finds from the directory it is in", () => {
  const filter = { contains: "conf", minimumSize: 0, changed: false };
  const screen = answered(aTree({ path: "/etc", filter }), [anEntry("/etc/nginx/nginx.conf")]);
  expect(drawn(screen, 80)[1]).toContain("nginx/nginx.conf");
  const deep = answered(aTree({ filter }), [anEntry(`/usr/share/${"deep/".repeat(20)}nginx.conf`)]);
  expect(drawn(deep, 80)[1]).toMatch(/ …[dep/]+\/nginx\.conf$/);
  expect(stringWidth(drawn(deep, 80)[1] ?? "")).toBe(80);
});

it("tells how fast a container's files grow, and what is new", () => {
  const rw = layer(4, { kind: "writable", diffID: "" });
  const container = { type: "container", id: "c", name: "web" } as const;
  let screen = aTree({ browsed: container, layers: [...layers, rw], choice: { layer: 3, view: "layer" } });
  screen = answered(screen, [anEntry("/log", { size: 1000 }), anEntry("/still", { size: 5 })], 1_000);
  screen = answered(screen, [anEntry("/log", { size: 5000 }), anEntry("/still", { size: 5 }), anEntry("/new")], 3_000);
  expect(Object.fromEntries(screen.growth ?? [])).toEqual({ "/log": 2000, "/new": 500 });
  expect(drawn(screen, 90, true)[1]).toMatch(/5kB {2}████████ +\+2kB\/s {2}log/);
});

it("shows the old rows until the answer is here, and drops a late one", () => {
  const old = answered(aTree(), [anEntry("/etc", { type: "directory" })]);
  const next = asked(old, { path: "/etc" });
  expect(next.shown?.path).toBe("/");
  expect(asked(next, { path: "/etc/nginx" }).shown?.path).toBe("/");
  const late = reduceBrowser([next], { type: "entries", key: old.list.key, pages: [], isLook: true, at: 2 });
  expect(late[0]).toBe(next);
  expect(answered(next, []).shown).toBeNull();
});

it("opens and closes screens one over the other", () => {
  const first = aTree();
  const second = aTree({ path: "/etc" });
  let browser = reduceBrowser(closedBrowser, { type: "open", screen: first });
  browser = reduceBrowser(browser, { type: "open", screen: second });
  expect(browser.at(-1)).toBe(second);
  browser = reduceBrowser(browser, { type: "back" });
  expect(browser).toEqual([first]);
  expect(reduceBrowser(browser, { type: "close" })).toEqual([]);
});

it("says which layers are looked at", () => {
  const of = (index: number, view: "layer" | "upTo") => choiceText({ layers, choice: { layer: index, view } });
  expect([of(0, "upTo"), of(1, "upTo"), of(2, "upTo"), of(1, "layer")]).toEqual([
    "layer 1 of 3",
    "layers 1-2 of 3",
    "all 3 layers",
    "layer 2 of 3 alone",
  ]);
  const rows = layerLines({ layers, choice: { layer: 1, view: "upTo" } }, { width: 40, rows: 10 }).map(textOf);
  expect(rows.map((row) => row.trimEnd())).toEqual([
    "   #     SIZE  MADE BY",
    "   3      3MB  RUN step 3",
    "┃  2      2MB  RUN step 2",
    "│  1      1MB  RUN step 1",
  ]);
});

it("shortens a path from its start", () => {
  const shown = (width: number) =>
    crumbs("/usr/share/doc/漢字", width)
      .map(({ text }) => text)
      .join("");
  expect(shown(40)).toBe("/usr/share/doc/漢字");
  expect(shown(12)).toBe("…re/doc/漢字");
  expect(shown(5)).toBe("漢字 ");
});

const room = { width: 80, rows: 3 };

function aFile(text: string, fields: Partial<FileScreen> = {}): FileScreen {
  const bytes = Buffer.from(text);
  return {
    kind: "file",
    subject: { type: "image", name: "i", layer: null, view: "upTo" },
    name: "nginx",
    path: "/x",
    key: "k",
    size: bytes.length,
    chunks: new Map([[0, bytes]]),
    mode: "text",
    top: 0,
    left: 0,
    error: "",
    ...fields,
  };
}

it("scrolls a text and keeps its last screen full", () => {
  const file = aFile("one\ntwo\nthree\nfour\nfive\n");
  const rows = (screen: FileScreen) => fileRows(screen, room).lines.map((row) => textOf(row).trim());
  expect(rows(file)).toEqual(["one", "two", "three"]);
  const down = { ...file, top: movedTop(file, room, 1) };
  expect(rows(down)).toEqual(["two", "three", "four"]);
  expect(rows({ ...file, top: movedTop(file, room, 99) })).toEqual(["three", "four", "five"]);
  expect(rows({ ...file, top: "end" })).toEqual(["three", "four", "five"]);
  expect(movedTop({ ...file, top: "end" }, room, -1)).toBe(4);
  expect(topOf(aFile("a\n"), room)).toBe(0);
  expect(fileRows(file, room).share).toBeCloseTo(14 / 24);
});

it("shows bytes with their offset and their letters", () => {
  const lines = fileRows(aFile("0123456789abcdef\u0001z", { mode: "hex" }), room).lines.map(textOf);
  expect(lines[0]).toBe(" 00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef");
  expect(lines[1]).toBe(` 00000010  01 7a${" ".repeat(18)}${" ".repeat(25)}  .z`);
  expect(stringWidth(lines[0] ?? "")).toBeLessThanOrEqual(77);
});

it("lets no escape of a file through, and scrolls it sideways", () => {
  const file = aFile(`a\u001b]0;taken\u0007b ${"x".repeat(100)}END`);
  const [first] = fileRows(file, room).lines.map(textOf);
  expect(first).toMatch(/^ ab x+…$/);
  const [side] = fileRows({ ...file, left: 96 }, room).lines.map(textOf);
  expect(side).toBe(` ${"x".repeat(7)}END`);
});

it("shows efficiency rounded down: only what is whole is 100 %", () => {
  expect([0.99999, 1, 0.7261].map(percentText)).toEqual(["99.9 %", "100 %", "72.6 %"]);
  const waste = { efficiency: 0.5, wastedBytes: 5e6, totalBytes: 1e7, files: [] };
  const [gauge, wasted] = wasteHead(waste, 60).map(textOf);
  expect(gauge).toMatch(/^ Efficiency {2}█+╌+ 50 %$/);
  expect(wasted).toContain("5MB of 10MB");
});

it("follows links within what is browsed", () => {
  expect(resolveLink("/bin/sh", "dash")).toBe("/bin/dash");
  expect(resolveLink("/a/b", "/etc/../../x")).toBe("/x");
  expect(resolveLink("/a/b/c", "../../..")).toBe("/");
});

it("writes paths as one word for a shell, and nothing that a terminal acts on", () => {
  expect(shellWord("/etc/nginx/nginx.conf")).toBe("/etc/nginx/nginx.conf");
  expect(shellWord("/srv/it's 漢字")).toBe("'/srv/it'\\''s 漢字'");
  expect(shellWord("/srv/a\u001b]0;x\u0007\nb\udcff")).toBe("$'/srv/a\\x1b]0;x\\x07\\x0ab\\xff'");
});

it("names the same extraction on the command line", () => {
  const subject = { type: "container", name: "id", layer: 3, view: "upTo" } as const;
  expect(twinOf({ subject, name: "web", path: "/etc", isWhole: true }, "/tmp/")).toBe("gantry cp web:/etc /tmp/");
  const image = { type: "image", name: "id", layer: 1, view: "layer" } as const;
  const volume = { type: "volume", name: "data", layer: 0, view: "upTo" } as const;
  expect(twinOf({ subject: volume, name: "data", path: "/d/f", isWhole: true }, "/tmp")).toBe(
    "gantry volume export data | tar -x -C /tmp ./d/f",
  );
  expect(twinOf({ subject: image, name: "nginx:1", path: "/etc", isWhole: false }, "/tmp")).toBe(
    "gantry layers -o - --layer 1 nginx:1 /etc | tar -x -C /tmp",
  );
});

it("splits lines of a Dockerfile at semicolons that an instruction follows", () => {
  expect(splitChanges('CMD ["sh", "-c", "a; b"]; ENV A=1;EXPOSE 80;')).toEqual([
    'CMD ["sh", "-c", "a; b"]',
    "ENV A=1",
    "EXPOSE 80",
  ]);
  expect(splitChanges("  ")).toEqual([]);
});
