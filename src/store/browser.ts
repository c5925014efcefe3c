import type { ComparedFile, FileEntry, FileSubject } from "../../engine/protocol/files.ts";
import type { MethodResult } from "../../engine/protocol/methods.ts";
import { screenText } from "../format/screen-text.ts";
import type { Pane, Place } from "../keymap/panes.ts";
import type { LayerRow } from "../panes/layers/rows.ts";
import { type Chunk, type FileBytes, takeChunk } from "./file-bytes.ts";
import { growthOf } from "./growth.ts";
import { openPaged, type Page, type Paged, takePages } from "./paged.ts";

/** What has files to be looked at. A volume is as one layer that is written to; its id is its name. */
export type Browsed = { readonly type: FileSubject["type"]; readonly id: string; readonly name: string };

/** Which layers are looked at, and how. */
export type LayerChoice = {
  /** 0 is the lowest; a container's own is the uppermost. */
  readonly layer: number;
  readonly view: "layer" | "upTo";
};

export type FileFilter = { readonly contains: string; readonly minimumSize: number; readonly changed: boolean };

/** What a container's own layer holds, and by how much it grows, in bytes a second. `at`: milliseconds since the epoch. */
export type LiveTotal = { readonly bytes: number; readonly rate: number; readonly at: number };

export type TreeScreen = {
  readonly kind: "files";
  readonly browsed: Browsed;
  /** Lowest first. */
  readonly layers: readonly LayerRow[];
  readonly choice: LayerChoice;
  readonly order: "directories" | "size";
  readonly filter: FileFilter;
  readonly path: string;
  readonly list: Paged<FileEntry>;
  /** Directories above, with the cursor's places in them. */
  readonly trail: readonly { readonly path: string; readonly cursor: number; readonly chosen: string | null }[];
  /** By path: bytes a second since the last look; null where nothing is live. */
  readonly growth: ReadonlyMap<string, number> | null;
  readonly live: LiveTotal | null;
  /** When the list was looked at last, in milliseconds since the epoch. */
  readonly lookedAt: number;
  /** What is seen until the answer is here: a screen that said "reading" for a moment at each key would flicker. */
  readonly shown: TreeScreen | null;
  readonly isSlow: boolean;
};

export type FileScreen = FileBytes & {
  readonly kind: "file";
  readonly subject: FileSubject;
  /** Shown for whose file it is. */
  readonly name: string;
  readonly path: string;
  readonly key: string;
  /** Columns that are scrolled out at the left. */
  readonly left: number;
};

export type Waste = MethodResult<"files.waste">;
export type WasteScreen = {
  readonly kind: "waste";
  readonly browsed: Browsed;
  /** Lowest first. */
  readonly layers: readonly LayerRow[];
  readonly choice: LayerChoice;
  readonly key: string;
  readonly result: Waste | null;
  readonly cursor: number;
  readonly error: string;
};

export type ComparedLayers = Pick<MethodResult<"files.compare">, "sharedLayers" | "leftLayers" | "rightLayers">;
export type CompareScreen = {
  readonly kind: "compare";
  readonly left: Browsed;
  readonly right: Browsed;
  readonly contains: string;
  readonly list: Paged<ComparedFile>;
  readonly layers: ComparedLayers | null;
  /** By diffID: what is known of the layers of both sides. */
  readonly known: ReadonlyMap<string, LayerRow>;
};

export type BrowserScreenState = TreeScreen | FileScreen | WasteScreen | CompareScreen;

/** The screens of the file browser, the uppermost last; empty while the panes are shown. */
export type Browser = readonly BrowserScreenState[];

export type BrowserAction =
  | { readonly type: "open"; readonly screen: BrowserScreenState }
  /** Takes the place of the uppermost screen. */
  | { readonly type: "change"; readonly screen: BrowserScreenState }
  | { readonly type: "back" }
  | { readonly type: "close" }
  | { readonly type: "layers"; readonly layers: readonly LayerRow[] }
  /** An image or a container is no more. */
  | { readonly type: "removed"; readonly id: string }
  /** What is shown may have changed. */
  | { readonly type: "ask-again" }
  /** `isLook`: all that is near the cursor, looked at anew at the time `at`. */
  | {
      readonly type: "entries";
      readonly key: string;
      readonly pages: readonly Page<FileEntry>[];
      readonly isLook: boolean;
      readonly at: number;
    }
  | {
      readonly type: "differences";
      readonly key: string;
      readonly page: Page<ComparedFile>;
      readonly layers: ComparedLayers;
    }
  | { readonly type: "live"; readonly id: string; readonly bytes: number; readonly at: number }
  | { readonly type: "waste"; readonly key: string; readonly result: Waste }
  | { readonly type: "chunk"; readonly key: string; readonly chunk: Chunk }
  /** The answer takes longer than a moment. */
  | { readonly type: "slow"; readonly key: string }
  | { readonly type: "failed"; readonly key: string; readonly error: string };

export const closedBrowser: Browser = [];

export function reduceBrowser(browser: Browser, action: BrowserAction): Browser {
  switch (action.type) {
    case "open":
      return [...browser, action.screen];
    case "change":
      return browser.at(-1) === action.screen ? browser : [...browser.slice(0, -1), action.screen];
    case "back":
      return browser.slice(0, -1);
    case "close":
      return browser.length === 0 ? browser : closedBrowser;
    case "removed":
      return changed(browser, (screen) => withoutRemoved(screen, action.id));
    case "ask-again":
      return browser.map((screen) => withoutAnswers(askedAgain(screen)));
    default:
      return changed(browser, (screen) => takeAnswer(screen, action));
  }
}

type Answer = Exclude<BrowserAction, { type: "open" | "change" | "back" | "close" | "removed" | "ask-again" }>;

/** Each screen after an answer; the same browser where that says nothing new. */
function changed(browser: Browser, change: (screen: BrowserScreenState) => BrowserScreenState): Browser {
  const next = browser.map(change);
  return next.every((screen, index) => screen === browser[index]) ? browser : next;
}

function takeAnswer(screen: BrowserScreenState, answer: Answer): BrowserScreenState {
  if (answer.type === "layers") return takeLayers(screen, answer);
  if (answer.type === "live") return takeLive(screen, answer);
  if (keyOf(screen) !== answer.key) return screen;
  if (answer.type === "failed") return failed(screen, answer.error);
  if (answer.type === "slow") return waiting(screen);
  switch (screen.kind) {
    case "files":
      return answer.type === "entries" ? takeEntries(screen, answer) : screen;
    case "compare":
      return answer.type === "differences" ? takeDifferences(screen, answer) : screen;
    case "waste":
      return answer.type === "waste" ? { ...screen, result: answer.result, error: "" } : screen;
    case "file":
      return answer.type === "chunk" ? takeChunk(screen, answer.chunk) : screen;
  }
}

function takeDifferences(
  screen: CompareScreen,
  { page, layers }: Extract<Answer, { type: "differences" }>,
): CompareScreen {
  return { ...screen, layers, list: takePages(screen.list, { pages: [page], isLook: false }, pathOf) };
}

function waiting(screen: BrowserScreenState): BrowserScreenState {
  return screen.kind === "files" && !screen.isSlow ? { ...screen, isSlow: true } : screen;
}

export function pathOf({ path }: { readonly path: string }): string {
  return path;
}

/** What names the question of a screen. */
export function keyOf(screen: BrowserScreenState): string {
  return screen.kind === "files" || screen.kind === "compare" ? screen.list.key : screen.key;
}

/** Whose files are looked at: one, or the two that are compared. */
export function browsedOf(screen: BrowserScreenState): readonly Browsed[] {
  switch (screen.kind) {
    case "files":
    case "waste":
      return [screen.browsed];
    case "compare":
      return [screen.left, screen.right];
    case "file":
      return [{ type: screen.subject.type, id: screen.subject.name, name: screen.name }];
  }
}

/** What is shown of something that was removed goes: none of it can be opened. */
function withoutRemoved(screen: BrowserScreenState, id: string): BrowserScreenState {
  const removed = browsedOf(screen).find((browsed) => browsed.id === id);
  if (removed === undefined) return screen;
  return withoutAnswers(failed(screen, `${removed.type} ${screenText(removed.name)} was removed`));
}

/** Answers under way are about what was: they are dropped, as those to another question. */
function withoutAnswers(screen: BrowserScreenState): BrowserScreenState {
  const key = `${keyOf(screen)}*`;
  switch (screen.kind) {
    case "files":
      return { ...screen, list: { ...screen.list, key } };
    case "compare":
      return { ...screen, list: { ...screen.list, key } };
    case "waste":
    case "file":
      return { ...screen, key };
  }
}

function failed(screen: BrowserScreenState, error: string): BrowserScreenState {
  switch (screen.kind) {
    case "files":
      return { ...screen, list: without<FileEntry>(screen.list, error), shown: null, isSlow: false };
    case "compare":
      return { ...screen, list: without<ComparedFile>(screen.list, error) };
    case "waste":
    case "file":
      return { ...screen, error };
  }
}

function without<Item>(list: Paged<Item>, error: string): Paged<Item> {
  return { ...list, error, total: 0, pages: new Map() };
}

/** Asks everything again, at the same place: until the answer is here, a tree shows what it showed. */
function askedAgain(screen: BrowserScreenState): BrowserScreenState {
  switch (screen.kind) {
    case "files": {
      const isAnswered = screen.list.total !== null && screen.list.error === "";
      const shown = isAnswered ? { ...screen, shown: null } : screen.shown;
      return { ...screen, list: again(screen.list), lookedAt: 0, isSlow: false, shown };
    }
    case "compare":
      return { ...screen, list: again(screen.list) };
    case "waste":
      return { ...screen, result: null, error: "" };
    case "file":
      return { ...screen, size: null, chunks: new Map(), error: "" };
  }
}

function again<Item>({ key, cursor, chosen }: Paged<Item>): Paged<Item> {
  return { ...openPaged<Item>(key), cursor, chosen };
}

/** Only who compares learns of layers later. */
function takeLayers(screen: BrowserScreenState, { layers }: Extract<Answer, { type: "layers" }>): BrowserScreenState {
  if (screen.kind !== "compare") return screen;
  return { ...screen, known: new Map([...screen.known, ...layers.map((row) => [row.diffID, row] as const)]) };
}

function takeLive(screen: BrowserScreenState, { id, bytes, at }: Extract<Answer, { type: "live" }>) {
  if (screen.kind !== "files" || screen.browsed.id !== id) return screen;
  const { live } = screen;
  const rate = live === null || at <= live.at ? 0 : Math.round(((bytes - live.bytes) * 1000) / (at - live.at));
  return { ...screen, live: { bytes, rate, at } };
}

function takeEntries(screen: TreeScreen, look: Extract<Answer, { type: "entries" }>): TreeScreen {
  const list = takePages(screen.list, look, pathOf);
  if (!look.isLook) return list === screen.list && !screen.isSlow ? screen : { ...screen, list, isSlow: false };
  const growth = screen.growth === null ? null : growthOf(screen, look);
  return { ...screen, list, growth, lookedAt: look.at, shown: null, isSlow: false };
}

/** The same screen with another question: its list is read anew, from the top. */
export function asked(
  screen: TreeScreen,
  change: Partial<Pick<TreeScreen, "choice" | "order" | "filter" | "path" | "trail">>,
  place: { readonly cursor: number; readonly chosen: string | null } = { cursor: 0, chosen: null },
): TreeScreen {
  const next = { ...screen, ...change };
  const { cursor, chosen } = place;
  const list = { ...openPaged<FileEntry>(questionOf(next)), cursor, chosen };
  const isAnswered = screen.list.total !== null;
  return {
    ...next,
    list,
    growth: isLive(next) ? new Map() : null,
    lookedAt: 0,
    isSlow: false,
    shown: isAnswered ? { ...screen, shown: null } : screen.shown,
  };
}

/** True where what is shown may be written to: a container's own layer, or a volume. */
export function isLive({ browsed, choice, layers }: Pick<TreeScreen, "browsed" | "choice" | "layers">): boolean {
  if (browsed.type === "image") return false;
  return choice.layer === layers.length - 1;
}

export function questionOf({ browsed, choice, order, filter, path }: TreeScreen): string {
  return JSON.stringify([browsed.id, choice, order, filter, path]);
}

export function subjectOf(browsed: Browsed, choice: LayerChoice): FileSubject {
  return { type: browsed.type, name: browsed.id, ...choice };
}

/** Where a key is pressed: in the browser's uppermost screen, or in a pane. */
export function placeOf(browser: Browser, { focus }: { readonly focus: Pane }): Place {
  return browser.at(-1)?.kind ?? focus;
}
