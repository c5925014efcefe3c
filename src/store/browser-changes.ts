import type { ComparedFile, FileEntry } from "../../engine/protocol/files.ts";
import { screenText } from "../format/screen-text.ts";
import type { Browsed, BrowserScreenState } from "./browser.ts";
import { openPaged, type Paged } from "./paged.ts";

/** What happens, outside the browser, to what its screens show. */

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
export function withoutRemoved(screen: BrowserScreenState, id: string): BrowserScreenState {
  const removed = browsedOf(screen).find((browsed) => browsed.id === id);
  return removed === undefined ? screen : failed(screen, `${removed.type} ${screenText(removed.name)} was removed`);
}

export function failed(screen: BrowserScreenState, error: string): BrowserScreenState {
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
export function askedAgain(screen: BrowserScreenState): BrowserScreenState {
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
