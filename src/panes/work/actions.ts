import { type Dashboard, flash } from "../../app/dashboard.ts";
import { flashError } from "../../app/run-on-each.ts";
import { screenText } from "../../format/screen-text.ts";
import { selectedIndex } from "../../store/selectors.ts";
import type { Overlay } from "../../store/ui.ts";

type WorkOverlay = Extract<Overlay, { kind: "work" }>;

export function openWork(dashboard: Dashboard): void {
  dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "work", selection: { id: null, index: 0 } } });
}

/** Moves the cursor of the open view. */
export function moveInWork(dashboard: Dashboard, overlay: WorkOverlay, step: number): void {
  const { operations } = dashboard.mirror.get();
  const wanted = selectedIndex(operations, overlay.selection) + step;
  const index = Math.max(0, Math.min(operations.length - 1, wanted));
  const selection = { id: operations[index]?.id ?? null, index };
  dashboard.ui.dispatch({ type: "overlay", overlay: { ...overlay, selection } });
}

/** Asks whether the work under the cursor of the open view shall end. */
export function askCancel(dashboard: Dashboard): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "work") return;
  const { operations } = dashboard.mirror.get();
  const operation = operations[selectedIndex(operations, overlay.selection)];
  if (operation === undefined) {
    flash(dashboard, { tone: "info", message: "nothing is under way" });
    return;
  }
  const title = screenText(operation.title);
  if (!operation.isCancellable) {
    flash(dashboard, { tone: "info", message: `${title} cannot be cancelled` });
    return;
  }
  // From here on it is this one, whichever comes or goes.
  const index = operations.indexOf(operation);
  dashboard.ui.dispatchAll([
    { type: "overlay", overlay: { ...overlay, selection: { id: operation.id, index } } },
    {
      type: "prompt",
      prompt: { kind: "confirm", question: `cancel ${title}?`, command: "work.cancel", targets: [operation.id, title] },
    },
  ]);
}

export async function cancel(dashboard: Dashboard, [id = "", title = ""]: readonly string[]): Promise<void> {
  if (!dashboard.mirror.get().operations.some((operation) => operation.id === id)) {
    flash(dashboard, { tone: "info", message: `${title} has ended already` });
    return;
  }
  try {
    await dashboard.client.request("operations.cancel", { id });
    flash(dashboard, { tone: "info", message: `cancelled ${title}` });
  } catch (cause) {
    flashError(dashboard, cause);
  }
}
