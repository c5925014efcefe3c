import { messageOf } from "../../../engine/errors.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { hintOf } from "../../app/run-on-each.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Form } from "../../store/form.ts";

/** What is told when it is done: a warning instead of the message where there is one. */
export type Done = { readonly message: string; readonly twin: string; readonly warnings?: readonly string[] };

export function openForm(dashboard: Dashboard, form: Form): void {
  dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "form", form } });
}

/**
 * Does what a form asks for. The form stays open, with the reason, where that fails, and goes where it is done. Whoever closed it
 * meanwhile has something else before the eyes: then the flash line tells.
 */
export async function submitting(dashboard: Dashboard, form: Form, act: () => Promise<Done>): Promise<void> {
  const busy: Form = { ...form, busy: true, error: "" };
  const isShown = () => {
    const { overlay } = dashboard.ui.get();
    return overlay?.kind === "form" && (overlay.form === busy || overlay.form === form);
  };
  openForm(dashboard, busy);
  try {
    const { message, twin, warnings = [] } = await act();
    if (isShown()) dashboard.ui.dispatch({ type: "overlay", overlay: null });
    const [warning] = warnings;
    if (warning === undefined) flash(dashboard, { tone: "ok", message, twin });
    else flash(dashboard, { tone: "warn", message: screenText(warning), twin });
  } catch (cause) {
    const hint = hintOf(cause);
    const error = screenText(messageOf(cause)) + (hint === "" ? "" : ` (${hint})`);
    if (isShown()) openForm(dashboard, { ...form, busy: false, error });
    else flash(dashboard, { tone: "error", message: error });
  }
}
