import { findCommand } from "../keymap/keymap.ts";
import { moveInBuilds } from "../panes/builds/actions.ts";
import { moveInEvents } from "../panes/events/actions.ts";
import { choose } from "../panes/images/pull.ts";
import { moveInConnections } from "../panes/networks/connections.ts";
import { pruneScroll } from "../panes/prune/prune-lines.ts";
import { moveInWork } from "../panes/work/actions.ts";
import type { SearchView } from "../store/image-views.ts";
import type { Overlay } from "../store/ui.ts";
import type { Dashboard } from "./dashboard.ts";
import { type ExecuteContext, execute } from "./execute.ts";
import type { InputEvent } from "./key-decoder.ts";
import { viewHeight } from "./views.ts";

type View = Extract<Overlay, { kind: "work" | "prune" | "search" | "events" | "connections" | "builds" }>;

/** Takes the keys of the views that lie over the panes and have a cursor or keys of their own. */
export function handleView(
  dashboard: Dashboard,
  view: View,
  { event, context }: { readonly event: InputEvent; readonly context: ExecuteContext },
): void {
  if (event.type === "paste") return;
  if (view.kind === "search") {
    pick(dashboard, view, event.key);
    return;
  }
  const command = findCommand(dashboard.keymap, event.key, view.kind);
  if (command === null || closing.has(command)) {
    if (command !== null) dashboard.ui.dispatch({ type: "overlay", overlay: null });
    return;
  }
  const step = stepOf(dashboard, command);
  if (step === 0) execute(dashboard, command, context);
  else moveInView(dashboard, view, step);
}

function moveInView(dashboard: Dashboard, view: Exclude<View, { kind: "search" }>, step: number): void {
  switch (view.kind) {
    case "work":
      moveInWork(dashboard, view, step);
      return;
    case "builds":
      moveInBuilds(dashboard, view, step);
      return;
    case "connections":
      moveInConnections(dashboard, view, step);
      return;
    case "events":
      moveInEvents(dashboard, view, { step, height: dashboard.terminal.size().rows - titleRows });
      return;
    case "prune": {
      const scroll = pruneScroll(view, viewHeight(dashboard.terminal.size()), view.scroll + step);
      dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, scroll } });
    }
  }
}

/** Of the events: header, status line, footer, frame, and the names of the columns. */
const titleRows = 6;

const closing: ReadonlySet<string> = new Set([
  "back",
  "view.close",
  "work.open",
  "events.open",
  "builds.open",
  "help.open",
  "palette.open",
]);

/** How many rows a command moves, 0 where it does something else. */
export function stepOf(dashboard: Pick<Dashboard, "terminal">, command: string): number {
  const page = Math.max(1, dashboard.terminal.size().rows - 8);
  const steps: Readonly<Record<string, number>> = {
    "cursor.down": 1,
    "cursor.up": -1,
    "page.down": page,
    "page.up": -page,
    "cursor.first": Number.NEGATIVE_INFINITY,
    "cursor.last": Number.MAX_SAFE_INTEGER,
  };
  return steps[command] ?? 0;
}

function pick(dashboard: Dashboard, view: SearchView, key: string): void {
  const results = view.results ?? [];
  const command = findCommand(dashboard.keymap, key, "details");
  const step = stepOf(dashboard, command ?? "");
  const found = results[view.index];
  if (key === "enter") {
    if (found !== undefined) choose(dashboard, found.name);
  } else if (command === "view.close") dashboard.ui.dispatch({ type: "overlay", overlay: null });
  else if (step !== 0) {
    const index = Math.max(0, Math.min(results.length - 1, view.index + step));
    dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, index } });
  }
}
