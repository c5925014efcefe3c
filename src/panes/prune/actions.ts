import { messageOf } from "../../../engine/errors.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { hintOf, newTaskID } from "../../app/run-on-each.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import type { PruneKind, PrunePreview, PruneView } from "../../store/prune-view.ts";
import { doWork } from "../images/own-work.ts";
import { isNothing, nounOf, pruneTexts } from "./prune-lines.ts";
import { pruneSources } from "./sources.ts";

/** Opens the list of what would go. */
export function openPrune(of: PruneKind): (dashboard: Dashboard) => Promise<void> {
  return (dashboard) => preview(dashboard, { kind: "prune", of, all: false, preview: null, error: "", scroll: 0 });
}

/** Only what has no name, or all that nothing uses. */
export async function togglePruneAll(dashboard: Dashboard): Promise<void> {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "prune" || pruneTexts[overlay.of].all === null) return;
  await preview(dashboard, { ...overlay, all: !overlay.all, scroll: 0 });
}

async function preview(dashboard: Dashboard, wanted: PruneView): Promise<void> {
  // What was listed before is no answer to this.
  const view: PruneView = { ...wanted, preview: null, error: "" };
  dashboard.ui.dispatch({ type: "overlay", overlay: view });
  const show = (next: Partial<PruneView>) => {
    if (dashboard.ui.get().overlay === view) dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, ...next } });
  };
  try {
    show({ preview: await pruneSources[view.of].preview(dashboard, view.all) });
  } catch (cause) {
    const hint = hintOf(cause);
    show({ error: screenText(messageOf(cause)) + (hint === "" ? "" : ` (${hint})`) });
  }
}

/** Asks once about what the open list says. */
export function askPrune(dashboard: Dashboard): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "prune" || overlay.preview === null) return;
  if (isNothing(overlay.preview)) {
    flash(dashboard, { tone: "info", message: "there is nothing to prune" });
    return;
  }
  const { rows, bytes } = overlay.preview;
  const frees = bytes === null ? "" : ` and free ${formatBytes(bytes)}`;
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `delete ${whatOf(overlay.of, overlay.preview)}${frees}?`,
      command: "prune.run",
      targets: rows.map(({ id }) => id),
    },
  });
}

function whatOf(of: PruneKind, { rows }: PrunePreview): string {
  return rows.length === 0 ? "what interrupted pulls have left" : nounOf(of, rows.length);
}

/** Deletes what the list said, unless others would go by now: then it says so and lists them. */
export async function prune(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "prune") return;
  const { of, all } = overlay;
  const source = pruneSources[of];
  await doWork(dashboard, "prune", async () => {
    const now = await source.preview(dashboard, all);
    if (now.rows.some(({ id }) => !ids.includes(id))) {
      dashboard.ui.dispatch({ type: "overlay", overlay: { ...overlay, preview: now, scroll: 0 } });
      flash(dashboard, { tone: "warn", message: `other ${of} would go by now: nothing was deleted, look again` });
      return;
    }
    const done = await shown(dashboard, of, () => source.run(dashboard, all, ids));
    if (dashboard.ui.get().overlay === overlay) dashboard.ui.dispatch({ type: "overlay", overlay: null });
    const freed = done.bytes === null ? "" : `, freed ${formatBytes(done.bytes)}`;
    flash(dashboard, { tone: "ok", message: `deleted ${whatOf(of, done)}${freed}`, twin: source.twin(all) });
  });
}

/** Tells in the status line that it goes on, since the engine counts no steps of it. */
async function shown<T>(dashboard: Dashboard, of: PruneKind, run: () => Promise<T>): Promise<T> {
  const id = newTaskID();
  dashboard.ui.dispatch({ type: "task", task: { id, title: `pruning ${of}`, done: 0, total: 1 } });
  try {
    return await run();
  } finally {
    dashboard.ui.dispatch({ type: "task-done", id });
  }
}
