import type { FileEntry } from "../../../engine/protocol/files.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { flashError } from "../../app/run-on-each.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { asked, type Browsed, type BrowserScreenState, subjectOf, type TreeScreen } from "../../store/browser.ts";
import { itemAt, openPaged } from "../../store/paged.ts";
import { layerDetails } from "../layers/view-model.ts";
import { openFile } from "./file-actions.ts";
import { openDirectory } from "./open-tree.ts";
import { shellWord } from "./shell-word.ts";
import { isFiltered } from "./tree-view.ts";

/** What can be done in the file browser. */

export function topScreen(dashboard: Dashboard): BrowserScreenState | null {
  return dashboard.browser.get().at(-1) ?? null;
}

function tree(dashboard: Dashboard): TreeScreen | null {
  const screen = topScreen(dashboard);
  return screen?.kind === "files" ? screen : null;
}

/** Does something to the tree, if it is what is seen. */
function inTree(change: (screen: TreeScreen) => TreeScreen): (dashboard: Dashboard) => void {
  return (dashboard) => {
    const screen = tree(dashboard);
    if (screen !== null) dashboard.browser.dispatch({ type: "change", screen: change(screen) });
  };
}

/** Enter: into a directory, or the file. */
export async function open(dashboard: Dashboard): Promise<void> {
  const screen = topScreen(dashboard);
  if (screen?.kind === "files") {
    const entry = itemAt(screen.list, screen.list.cursor);
    if (entry !== null) await openEntry(dashboard, screen, entry);
  } else if (screen?.kind === "waste") {
    const file = screen.result?.files[screen.cursor];
    if (file === undefined) return;
    openFile(dashboard, {
      subject: subjectOf(screen.browsed, { ...screen.choice, view: "upTo" }),
      ...nameOf(screen.browsed),
      path: file.path,
    });
  } else if (screen?.kind === "compare") {
    const file = itemAt(screen.list, screen.list.cursor);
    if (file === null) return;
    await openCompared(dashboard, file.change === "removed" ? screen.left : screen.right, file.path);
  }
}

/** A comparison tells paths, not what they are. */
async function openCompared(dashboard: Dashboard, side: Browsed, path: string): Promise<void> {
  const screen = topScreen(dashboard);
  const subject = { type: side.type, name: side.id, layer: null, view: "upTo" } as const;
  const query = { subject, path, filter: null, order: "name" as const, offset: 0, limit: 1 };
  const { entries } = await dashboard.client.request("files.list", query);
  if (topScreen(dashboard) !== screen) return;
  const [entry] = entries;
  // A directory gives what is in it.
  if (entry?.path !== path) await openDirectory(dashboard, side, path);
  else if (entry.type === "file" || entry.type === "hardlink") openFile(dashboard, { subject, ...nameOf(side), path });
  else {
    const what = entry.type === "symlink" ? `link to ${screenText(entry.linkTarget)}` : entry.type;
    flash(dashboard, { tone: "info", message: `${screenText(path)} is a ${what}` });
  }
}

function nameOf({ name }: Browsed): { readonly name: string } {
  return { name };
}

async function openEntry(dashboard: Dashboard, screen: TreeScreen, entry: FileEntry): Promise<void> {
  const { browsed, choice } = screen;
  if (entry.type === "directory") enter(dashboard, screen, entry.path);
  else if (entry.type === "symlink") await follow(dashboard, screen, entry);
  else if (entry.type === "file" || entry.type === "hardlink") {
    openFile(dashboard, { subject: subjectOf(browsed, choice), ...nameOf(browsed), path: entry.path });
  } else flash(dashboard, { tone: "info", message: `${screenText(entry.path)} is a ${entry.type}, it has no content` });
}

function enter(dashboard: Dashboard, screen: TreeScreen, path: string): void {
  const { cursor, chosen } = screen.list;
  const trail = [...screen.trail, { path: screen.path, cursor, chosen }];
  dashboard.browser.dispatch({ type: "change", screen: asked(screen, { path, trail }) });
}

/** To where a link leads, in what is looked at. */
async function follow(dashboard: Dashboard, screen: TreeScreen, { path, linkTarget }: FileEntry): Promise<void> {
  const target = resolveLink(path, linkTarget);
  const { browsed, choice } = screen;
  const query = { subject: subjectOf(browsed, choice), path: target, filter: null, order: "name" as const };
  try {
    const { entries, total } = await dashboard.client.request("files.list", { ...query, offset: 0, limit: 1 });
    const isFile =
      total === 1 &&
      entries[0]?.path.endsWith(target.slice(target.lastIndexOf("/"))) &&
      entries[0].type !== "directory";
    if (topScreen(dashboard) !== screen) return;
    if (isFile) openFile(dashboard, { subject: query.subject, ...nameOf(browsed), path: target });
    else enter(dashboard, screen, target);
  } catch (cause) {
    flashError(dashboard, cause);
  }
}

/** Lexically, as far as that is right: parents that are links are the engine's to follow. */
export function resolveLink(path: string, target: string): string {
  const start = target.startsWith("/") ? [] : path.split("/").slice(1, -1);
  const parts: string[] = [];
  for (const part of [...start, ...target.split("/")]) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

export const up = inTree((screen) => {
  const above = screen.trail.at(-1);
  if (above !== undefined) return asked(screen, { path: above.path, trail: screen.trail.slice(0, -1) }, above);
  if (screen.path === "/") return screen;
  const path = screen.path.slice(0, Math.max(1, screen.path.lastIndexOf("/")));
  return asked(screen, { path }, { cursor: 0, chosen: screen.path });
});

/** Does something with layers, where there are any. */
function withLayers(act: (dashboard: Dashboard) => void): (dashboard: Dashboard) => void {
  return (dashboard) => {
    const screen = tree(dashboard);
    if (screen?.browsed.type === "volume") flash(dashboard, { tone: "info", message: "a volume has no layers" });
    else act(dashboard);
  };
}

/** One layer further up or down; the place in the tree stays. */
export function stepLayer(step: 1 | -1): (dashboard: Dashboard) => void {
  return withLayers((dashboard) => {
    const screen = topScreen(dashboard);
    if (screen?.kind !== "files" && screen?.kind !== "waste") return;
    const layer = screen.choice.layer + step;
    if (screen.layers[layer] === undefined) return;
    const choice = { ...screen.choice, layer };
    if (screen.kind === "files") {
      dashboard.browser.dispatch({ type: "change", screen: asked(screen, { choice }, screen.list) });
      return;
    }
    const next = { ...screen, choice, key: wasteKey(screen.browsed, layer), result: null, cursor: 0, error: "" };
    dashboard.browser.dispatch({ type: "change", screen: next });
  });
}

export const toggleView = withLayers(
  inTree((screen) => {
    const view = screen.choice.view === "layer" ? "upTo" : "layer";
    return asked(screen, { choice: { ...screen.choice, view } }, screen.list);
  }),
);

export const toggleChanged = withLayers(
  inTree((screen) => asked(screen, { filter: { ...screen.filter, changed: !screen.filter.changed } })),
);

export const toggleOrder = inTree((screen) =>
  asked(screen, { order: screen.order === "size" ? "directories" : "size" }),
);

const minimumSizes = [0, 100e3, 1e6, 10e6, 100e6];

export function nextMinimum(dashboard: Dashboard): void {
  const screen = tree(dashboard);
  if (screen === null) return;
  const minimumSize = minimumSizes[minimumSizes.indexOf(screen.filter.minimumSize) + 1] ?? 0;
  dashboard.browser.dispatch({ type: "change", screen: asked(screen, { filter: { ...screen.filter, minimumSize } }) });
  const message = minimumSize === 0 ? "files of any size" : `only files of ${formatBytes(minimumSize)} and more`;
  flash(dashboard, { tone: "info", message });
}

function wasteKey({ id }: Browsed, layer: number): string {
  return `waste ${id} ${layer}`;
}

export const openWaste = withLayers((dashboard) => {
  const screen = topScreen(dashboard);
  if (screen?.kind !== "files") return;
  const { browsed, layers, choice } = screen;
  const key = wasteKey(browsed, choice.layer);
  dashboard.browser.dispatch({
    type: "open",
    screen: {
      kind: "waste",
      browsed,
      layers,
      choice: { ...choice, view: "upTo" },
      key,
      result: null,
      cursor: 0,
      error: "",
    },
  });
});

export const showLayer = withLayers((dashboard) => {
  const screen = tree(dashboard);
  const row = screen?.layers[screen.choice.layer];
  if (row === undefined) return;
  const title = row.kind === "writable" ? "what the container wrote" : `layer ${shortID(row.diffID)}`;
  dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "details", title, lines: layerDetails(row), scroll: 0 } });
});

/** What is filtered by a text: the tree, or a comparison. */
export function setFilter(dashboard: Dashboard, text: string): void {
  const screen = topScreen(dashboard);
  if (screen?.kind === "files" && screen.filter.contains !== text) {
    const filter = { ...screen.filter, contains: text };
    dashboard.browser.dispatch({ type: "change", screen: asked(screen, { filter }) });
  } else if (screen?.kind === "compare" && screen.contains !== text) {
    const list = openPaged<never>(compareKey(screen.left, screen.right, text));
    dashboard.browser.dispatch({ type: "change", screen: { ...screen, contains: text, list } });
  }
}

export function filterOf(screen: BrowserScreenState | null): string {
  if (screen?.kind === "files") return screen.filter.contains;
  return screen?.kind === "compare" ? screen.contains : "";
}

export function compareKey(left: Browsed, right: Browsed, contains: string): string {
  return `compare ${left.id} ${right.id} ${contains}`;
}

/** One step back: a filter, a directory, then the screen. */
export function back(dashboard: Dashboard): void {
  const screen = topScreen(dashboard);
  if (screen?.kind === "files" && isFiltered(screen.filter)) {
    const filter = { contains: "", minimumSize: 0, changed: false };
    dashboard.browser.dispatch({ type: "change", screen: asked(screen, { filter }) });
  } else if (screen?.kind === "files" && screen.trail.length > 0) up(dashboard);
  else if (screen?.kind === "compare" && screen.contains !== "") setFilter(dashboard, "");
  else dashboard.browser.dispatch({ type: "back" });
}

/** `q` leaves a file for what it was opened from, and the tree for the panes. */
export function close(dashboard: Dashboard): void {
  const screen = topScreen(dashboard);
  dashboard.browser.dispatch({ type: screen?.kind === "files" || screen?.kind === "compare" ? "close" : "back" });
}

/** The path under the cursor as one word for a shell, where it is more than plain letters; empty where there is none. */
export function copiedPath(screen: BrowserScreenState): string {
  const path = pathHere(screen);
  return path === "" ? "" : shellWord(path);
}

function pathHere(screen: BrowserScreenState): string {
  switch (screen.kind) {
    case "file":
      return screen.path;
    case "files":
      return itemAt(screen.list, screen.list.cursor)?.path ?? screen.path;
    case "waste":
      return screen.result?.files[screen.cursor]?.path ?? "";
    case "compare":
      return itemAt(screen.list, screen.list.cursor)?.path ?? "";
  }
}
