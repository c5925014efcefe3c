import type { FileSubject } from "../../../engine/protocol/files.ts";
import type { Dashboard } from "../../app/dashboard.ts";
import { type Move, stepSize } from "../../app/step-size.ts";
import { type FileScreen, pathOf } from "../../store/browser.ts";
import { moveTo } from "../../store/paged.ts";
import { movedTop } from "./file-view.ts";

/** A file to look into; `name`: of the image or container it lies in. */
export type FilePlace = { readonly subject: FileSubject; readonly name: string; readonly path: string };

export function openFile(dashboard: Dashboard, { subject, name, path }: FilePlace): void {
  dashboard.browser.dispatch({
    type: "open",
    screen: {
      kind: "file",
      subject,
      name,
      path,
      key: JSON.stringify([subject, path]),
      size: null,
      chunks: new Map(),
      mode: null,
      top: 0,
      left: 0,
      error: "",
    },
  });
}

export function toggleHex(dashboard: Dashboard): void {
  const screen = dashboard.browser.get().at(-1);
  if (screen?.kind !== "file" || screen.mode === null) return;
  const mode = screen.mode === "text" ? "hex" : "text";
  dashboard.browser.dispatch({ type: "change", screen: { ...screen, mode, left: 0, top: lineStart(screen) } });
}

/** Bytes are shown in rows of sixteen: where that was in the middle of a line, it goes on at the start of the file's piece. */
function lineStart({ top }: FileScreen): FileScreen["top"] {
  return top === "end" ? top : Math.floor(top / 16) * 16;
}

/** Columns at once. */
const sideStep = 16;

export function scrollSideways(direction: 1 | -1): (dashboard: Dashboard) => void {
  return (dashboard) => {
    const screen = dashboard.browser.get().at(-1);
    if (screen?.kind !== "file" || screen.mode !== "text") return;
    const left = Math.max(0, screen.left + direction * sideStep);
    dashboard.browser.dispatch({ type: "change", screen: { ...screen, left } });
  };
}

/** Rows above and below the browser: header, status line, footer; and of its frame and headings. */
const chrome = 3;
const headings = { files: 5, file: 2, waste: 7, compare: 7 } as const;

/** Moves the cursor, or the text, of the uppermost screen. */
export function moveInBrowser(dashboard: Dashboard, step: Move): void {
  const screen = dashboard.browser.get().at(-1);
  if (screen === undefined) return;
  const { columns, rows } = dashboard.terminal.size();
  const height = Math.max(1, rows - chrome - headings[screen.kind]);
  const steps = stepSize(step, Math.max(1, height - 1));
  const change = (next: typeof screen) => dashboard.browser.dispatch({ type: "change", screen: next });
  switch (screen.kind) {
    case "files": {
      const list = moveTo(screen.list, screen.list.cursor + steps, pathOf);
      change(list === screen.list ? screen : { ...screen, list });
      return;
    }
    case "compare": {
      const list = moveTo(screen.list, screen.list.cursor + steps, pathOf);
      change(list === screen.list ? screen : { ...screen, list });
      return;
    }
    case "waste": {
      const last = (screen.result?.files.length ?? 0) - 1;
      change({ ...screen, cursor: Math.max(0, Math.min(last, screen.cursor + steps)) });
      return;
    }
    case "file":
      change({ ...screen, top: topAfter(screen, step, { steps, width: columns - 3, rows: height }) });
  }
}

function topAfter(
  screen: FileScreen,
  step: Move,
  room: { readonly steps: number; readonly width: number; readonly rows: number },
): FileScreen["top"] {
  if (step === "first") return 0;
  if (step === "last") return "end";
  return movedTop(screen, room, room.steps);
}
