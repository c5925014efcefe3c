import { messageOf } from "../../../engine/errors.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { hintOf, newTaskID } from "../../app/run-on-each.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import type { PrunePreview, PruneView } from "../../store/image-views.ts";
import { doWork } from "./own-work.ts";

/** Opens the list of what would go. */
export function openPrune(dashboard: Dashboard): Promise<void> {
  return preview(dashboard, { kind: "prune", all: false, preview: null, error: "", scroll: 0 });
}

/** Dangling images only, or all that nothing uses. */
export async function togglePruneAll(dashboard: Dashboard): Promise<void> {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind === "prune") await preview(dashboard, { ...overlay, all: !overlay.all, scroll: 0 });
}

async function preview(dashboard: Dashboard, wanted: PruneView): Promise<void> {
  // What was listed before is no answer to this.
  const view: PruneView = { ...wanted, preview: null, error: "" };
  dashboard.ui.dispatch({ type: "overlay", overlay: view });
  const show = (next: Partial<PruneView>) => {
    if (dashboard.ui.get().overlay === view) dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, ...next } });
  };
  try {
    show({ preview: await ask(dashboard, view.all, true) });
  } catch (cause) {
    const hint = hintOf(cause);
    show({ error: screenText(messageOf(cause)) + (hint === "" ? "" : ` (${hint})`) });
  }
}

function ask(dashboard: Dashboard, all: boolean, dryRun: boolean): Promise<PrunePreview> {
  return dashboard.client.request("images.prune", { all, until: null, labels: [], dryRun });
}

/** Asks once about what the open list says. */
export function askPrune(dashboard: Dashboard): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "prune" || overlay.preview === null) return;
  const { removed, bytes } = overlay.preview;
  if (removed.length === 0 && bytes === 0) {
    flash(dashboard, { tone: "info", message: "there is nothing to prune" });
    return;
  }
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `delete ${whatOf(overlay.preview)} and free ${formatBytes(bytes)}?`,
      command: "prune.run",
      targets: removed.map(({ id }) => id),
    },
  });
}

function whatOf({ removed }: PrunePreview): string {
  if (removed.length === 0) return "what interrupted pulls have left";
  return removed.length === 1 ? "1 image" : `${removed.length} images`;
}

/** Deletes what the list said, unless other images would go by now: then it says so and lists them. */
export async function prune(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "prune") return;
  await doWork(dashboard, "prune", async () => {
    const now = await ask(dashboard, overlay.all, true);
    if (now.removed.some(({ id }) => !ids.includes(id))) {
      dashboard.ui.dispatch({ type: "overlay", overlay: { ...overlay, preview: now, scroll: 0 } });
      flash(dashboard, { tone: "warn", message: "other images would go by now: nothing was deleted, look again" });
      return;
    }
    const done = await shown(dashboard, () => ask(dashboard, overlay.all, false));
    if (dashboard.ui.get().overlay === overlay) dashboard.ui.dispatch({ type: "overlay", overlay: null });
    flash(dashboard, {
      tone: "ok",
      message: `deleted ${whatOf(done)}, freed ${formatBytes(done.bytes)}`,
      twin: overlay.all ? "gantry image prune -a" : "gantry image prune",
    });
  });
}

/** Tells in the status line that it goes on, since the engine counts no steps of it. */
async function shown<T>(dashboard: Dashboard, run: () => Promise<T>): Promise<T> {
  const id = newTaskID();
  dashboard.ui.dispatch({ type: "task", task: { id, title: "pruning images", done: 0, total: 1 } });
  try {
    return await run();
  } finally {
    dashboard.ui.dispatch({ type: "task-done", id });
  }
}
