import { moveInBrowser } from "../panes/files/file-actions.ts";
import { indexOfBottom, type LogView } from "../panes/logs/view-model.ts";
import { rowsOf, selectedIndex } from "../store/selectors.ts";
import type { ListPane } from "../store/ui.ts";
import type { Dashboard } from "./dashboard.ts";
import { findRegion, layoutBody } from "./layout.ts";
import { type Move, stepSize } from "./step-size.ts";

/** Moves the cursor, or the log, of the pane that has the focus. */
export function move(dashboard: Dashboard, step: Move, logView: LogView | null): void {
  const { focus } = dashboard.ui.get();
  if (dashboard.browser.get().length > 0) moveInBrowser(dashboard, step);
  else if (focus === "logs") moveLog(dashboard, step, logView);
  else if (focus === "stats") moveList(dashboard, "containers", step);
  else moveList(dashboard, focus, step);
}

function moveList(dashboard: Dashboard, pane: ListPane, step: Move): void {
  const ui = dashboard.ui.get();
  const rows = rowsOf(dashboard.mirror.get(), ui, pane);
  if (rows.length === 0) return;
  const index = selectedIndex(rows, ui.selections[pane]) + stepSize(step, pageOf(dashboard));
  const wanted = Math.max(0, Math.min(rows.length - 1, index));
  dashboard.ui.dispatch({ type: "select", pane, selection: { id: rows[wanted]?.id ?? null, index: wanted } });
}

/** Rows of the focused pane without its frame and titles, one kept for the eye. */
function pageOf(dashboard: Dashboard): number {
  const ui = dashboard.ui.get();
  const region = findRegion(layoutBody(dashboard.terminal.size(), ui), ui.focus);
  return Math.max(1, (region?.rows ?? 10) - 4);
}

function moveLog(dashboard: Dashboard, step: Move, view: LogView | null): void {
  const { logs } = dashboard.mirror.get();
  if (step === "last") {
    followLog(dashboard);
    return;
  }
  if (logs.lines.length === 0) return;
  const first = logs.lines[0]?.sequence ?? 0;
  const last = logs.lines.at(-1)?.sequence ?? 0;
  const bottom = first + indexOfBottom(logs.lines, dashboard.ui.get().logBottom);
  const shown = view?.first === null || view === null ? 10 : bottom - view.first + 1;
  const wanted = bottom + stepSize(step, Math.max(1, shown - 1));
  // The first screen stays full: its lowest line is where a page from the top ends.
  const lowest = Math.min(last, first + shown - 1);
  const next = Math.max(lowest, Math.min(last, wanted));
  if (wanted < next || next - shown < first + shown) dashboard.pageLogs("older");
  // Lines that were dropped come again before one is there; at the end of them all is read afresh.
  const hasMore = logs.cutAtEnd && !logs.isAtEnd;
  if (hasMore && wanted + shown > last) dashboard.pageLogs("newer");
  if (next === last && wanted >= last && !hasMore) {
    followLog(dashboard);
    return;
  }
  dashboard.ui.dispatch({ type: "log-bottom", sequence: next });
}

/** Back to the newest line; where newer lines were dropped they are read again. */
export function followLog(dashboard: Dashboard): void {
  if (dashboard.mirror.get().logs.cutAtEnd) dashboard.reopenLogs();
  dashboard.ui.dispatch({ type: "log-bottom", sequence: null });
}
