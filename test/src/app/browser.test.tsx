import "../../support/blessed-hook.ts";
import measure from "string-width";
import { expect, it } from "vitest";
import type { FileEntry } from "../../../engine/protocol/files.ts";
import type { StateItem } from "../../../engine/protocol/state.ts";
import { BrowserFeed } from "../../../src/app/browser-feed.ts";
import type { LayerRow } from "../../../src/panes/layers/rows.ts";
import { asked, type Browsed, type TreeScreen } from "../../../src/store/browser.ts";
import type { MirrorAction } from "../../../src/store/mirror.ts";
import { openPaged } from "../../../src/store/paged.ts";
import { aContainer, anImage, aVolume } from "../../support/protocol-values.ts";
import { type DrawnApp, drawApp } from "../../support/render-app.tsx";

const engine = { protocolVersion: 1, engineVersion: "0.1.0", epoch: "e", pid: 1, startedAt: "2026-11-22T00:00:00Z" };
const snapshot: MirrorAction[] = [
  { type: "connection", state: { status: "connected", engine } },
  {
    type: "state",
    item: {
      type: "snapshot",
      revision: 1,
      containers: [aContainer()],
      images: [anImage()],
      networks: [],
      volumes: [],
      operations: [],
    },
  },
];

const layers: readonly LayerRow[] = [1, 2, 3].map((order) => ({
  id: String(order),
  kind: "layer",
  order,
  diffID: `sha256:${order}`,
  size: order * 1e6,
  command: `RUN 漢字 ${"step ".repeat(20)}`,
  comment: "",
  createdAt: "",
  sharedBy: [],
}));

const entries: readonly FileEntry[] = Array.from({ length: 90 }, (_, index) => ({
  path: `/usr/漢字 👍 ${index} ${"long ".repeat(index)}`,
  type: index % 3 === 0 ? "directory" : index % 3 === 1 ? "file" : "symlink",
  size: index * 1e6,
  mode: 0o755,
  uid: index,
  gid: 65_534,
  modifiedAt: "2026-11-22T00:00:00Z",
  linkTarget: index % 3 === 2 ? "/run/ziel 字" : "",
  change: (["added", "modified", "removed", "unchanged"] as const)[index % 4] ?? "added",
  layer: 0,
  entries: 0,
}));

function open(app: DrawnApp, browsed: Browsed = { type: "image", id: "sha256:i", name: "nginx:latest" }): TreeScreen {
  const screen = asked(
    {
      kind: "files",
      browsed,
      layers,
      choice: { layer: 2, view: "upTo" },
      order: "directories",
      filter: { contains: "", minimumSize: 0, changed: false },
      path: "/usr",
      list: openPaged(""),
      trail: [],
      growth: null,
      live: null,
      lookedAt: 0,
      shown: null,
      isSlow: false,
    },
    {},
  );
  const pages = [{ number: 0, items: entries, total: entries.length }];
  app.tell(...snapshot);
  app.dashboard.browser.dispatch({ type: "open", screen });
  app.dashboard.browser.dispatch({ type: "entries", key: screen.list.key, pages, isLook: true, at: 1 });
  return screen;
}

it.each([
  [60, 15],
  [80, 24],
  [110, 30],
  [120, 40],
  [200, 60],
  [300, 100],
])("fills a terminal of %i by %i to its last cell", (columns, rows) => {
  using app = drawApp({ columns, rows });
  open(app);
  for (const keys of [[], ["G"], ["u"], ["w"]]) {
    app.press(...keys);
    const frame = app.frame().split("\n");
    expect(frame).toHaveLength(rows);
    for (const row of frame.slice(1, -2)) expect(measure(row)).toBe(columns);
    expect(frame.join("\n")).toContain("nginx:latest");
  }
});

it("shows the keys of the browser, and takes those of the panes away", () => {
  using app = drawApp({ columns: 200, rows: 40 });
  open(app);
  const footer = app.frame().split("\n").at(-1) ?? "";
  expect(footer).toMatch(/^ Enter open {2}v view {2}\[ lower {2}\] upper {2}E extract {2}w waste/);
  expect(footer).toMatch(/q close *$/);
  // An image needs not to be made into one.
  expect(footer).not.toContain("commit");
  app.press("d", "s", "5");
  expect(app.frame()).not.toContain("delete");
  expect(app.asked).toEqual([]);
  app.press("q");
  expect(app.frame()).toContain("1 Containers");
});

it("offers to make an image of a container, but not with --read-only", () => {
  const web: Browsed = { type: "container", id: "c1", name: "web-1" };
  using app = drawApp({ columns: 200, rows: 40 });
  open(app, web);
  expect(app.frame().split("\n").at(-1)).toContain("C commit");
  app.press("C", ..."team/web:1", "tab", "x", "enter");
  expect(app.asked.at(-1)).toBe(
    'containers.commit {"container":"c1","reference":"team/web:1","author":"","message":"x","changes":[],"pause":true}',
  );
  expect(app.frame()).toContain("making the image");
  using readOnly = drawApp({ columns: 200, rows: 40 }, { readOnly: true });
  open(readOnly, web);
  expect(readOnly.frame().split("\n").at(-1)).not.toContain("commit");
  readOnly.press("C");
  expect(readOnly.asked).toEqual([]);
});

it("goes back one step at a time", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  open(app);
  app.press("enter", "/", "x", "enter");
  const top = () => app.dashboard.browser.get().at(-1);
  expect(top()).toMatchObject({ path: entries[0]?.path, filter: { contains: "x" } });
  app.press("esc");
  expect(top()).toMatchObject({ path: entries[0]?.path, filter: { contains: "" } });
  app.press("esc");
  expect(top()).toMatchObject({ path: "/usr", list: { chosen: entries[0]?.path } });
  app.press("w", "esc", "esc");
  expect(app.dashboard.browser.get()).toEqual([]);
});

it("asks where to extract to, and fixes what is meant", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  open(app);
  app.press("j", "E");
  expect(app.frame()).toContain("extract /usr/漢字 👍 1 long  to");
  app.press("esc");
  app.press("j", "E");
  expect(app.frame()).toContain("was removed");
});

/** What the engine tells of a change, where the browser listens. */
function change(changes: Partial<Extract<StateItem, { type: "change" }>>): MirrorAction {
  const nothing = {
    revision: 2,
    containers: [],
    removedContainers: [],
    images: [],
    removedImages: [],
    operations: null,
  };
  return { type: "state", item: { type: "change", ...nothing, ...changes } };
}

it("says that an image was removed, instead of files that nobody can open", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  using _feed = new BrowserFeed(app.dashboard);
  const { key } = open(app, { type: "image", id: anImage().id, name: "nginx:latest" }).list;
  expect(app.frame()).toContain("long long");
  app.tell(change({ removedImages: [anImage().id] }));
  expect(app.frame()).toContain("image nginx:latest was removed");
  expect(app.frame()).not.toContain("long long");
  app.press("j", "G");
  // An answer that was under way comes too late.
  const pages = [{ number: 0, items: entries, total: entries.length }];
  app.dashboard.browser.dispatch({ type: "entries", key, pages, isLook: true, at: 2 });
  expect(app.frame()).toContain("image nginx:latest was removed");
});

it("reads a tree anew, at its place, when a check of the store is over", () => {
  using app = drawApp({ columns: 120, rows: 40 });
  using _feed = new BrowserFeed(app.dashboard);
  open(app);
  app.press("j", "j");
  const list = () => app.dashboard.browser.get().at(-1);
  const check = { id: "o", kind: "fsck", title: "check", startedAt: "", isCancellable: true, progress: null };
  app.tell(change({ operations: [check] }));
  expect(list()).toMatchObject({ list: { total: entries.length, cursor: 2 } });
  app.tell(change({ operations: [] }));
  expect(list()).toMatchObject({ list: { total: null, cursor: 2 } });
  expect(app.frame()).toContain("long long");
});

it("opens a volume from its pane as a directory without layers", async () => {
  using app = drawApp({ columns: 120, rows: 40 });
  const volume = aVolume({ name: "data" });
  app.tell(...snapshot, change({ volumes: [volume] }));
  app.press("7", "b");
  await Promise.resolve();
  expect(app.dashboard.browser.get().at(-1)).toMatchObject({
    browsed: { type: "volume", id: "data", name: "data" },
    choice: { layer: 0, view: "upTo" },
    path: "/",
  });
  expect(app.frame()).toContain("Files of data");
  expect(app.frame()).not.toContain("Layers");
  const footer = app.frame().split("\n").at(-1) ?? "";
  expect(footer).toMatch(/Enter open {2}E extract {2}o order/);
  app.press("w");
  expect(app.frame()).toContain("a volume has no layers");
  expect(app.dashboard.browser.get()).toHaveLength(1);
});
