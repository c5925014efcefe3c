import { messageOf } from "../../../engine/errors.ts";
import type { MethodParams } from "../../../engine/protocol/methods.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { hintOf } from "../../app/run-on-each.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { type CommitForm, isPaused, openCommit } from "../../store/commit-form.ts";
import { topScreen } from "./actions.ts";
import { shellWord } from "./shell-word.ts";

/** Asks what an image of the container that is browsed shall be called. */
export function openCommitForm(dashboard: Dashboard): void {
  const screen = topScreen(dashboard);
  if (screen?.kind !== "files") return;
  const { type, id, name } = screen.browsed;
  if (type === "image") {
    flash(dashboard, {
      tone: "info",
      message: "an image is committed already",
      hint: "browse a container to make one of it",
    });
    return;
  }
  dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "commit", form: openCommit(id, name) } });
}

/** Makes the image. The form stays open, with the reason, where that fails. */
export async function submitCommit(dashboard: Dashboard, form: CommitForm): Promise<void> {
  const show = (next: CommitForm) =>
    dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "commit", form: next } });
  show({ ...form, busy: true, error: "" });
  try {
    const { id } = await dashboard.client.request("containers.commit", commitRequest(form));
    const name = form.inputs.name.value.trim();
    // Whoever closed the form meanwhile has something else before the eyes.
    if (isShown(dashboard, form)) dashboard.ui.dispatch({ type: "overlay", overlay: null });
    flash(dashboard, {
      tone: "ok",
      message: `made image ${name === "" ? shortID(id) : screenText(name)} of ${screenText(form.title)}`,
      twin: commitTwin(form),
    });
  } catch (cause) {
    const hint = hintOf(cause);
    const error = screenText(messageOf(cause)) + (hint === "" ? "" : ` (${hint})`);
    if (isShown(dashboard, form)) show({ ...form, busy: false, error });
    else flash(dashboard, { tone: "error", message: error });
  }
}

function isShown(dashboard: Dashboard, { container }: CommitForm): boolean {
  const { overlay } = dashboard.ui.get();
  return overlay?.kind === "commit" && overlay.form.container === container;
}

export function commitRequest(form: CommitForm): MethodParams<"containers.commit"> {
  const { inputs, container } = form;
  const name = inputs.name.value.trim();
  return {
    container,
    reference: name === "" ? null : name,
    author: inputs.author.value.trim(),
    message: inputs.message.value.trim(),
    changes: splitChanges(inputs.changes.value),
    pause: isPaused(form),
  };
}

/** Lines of a Dockerfile, apart by semicolons; one that no instruction follows belongs to its line. */
export function splitChanges(text: string): string[] {
  return text
    .split(/;\s*(?=[A-Za-z]+\s)/)
    .map((part) => part.trim().replace(/;$/, ""))
    .filter((part) => part !== "");
}

function commitTwin(form: CommitForm): string {
  const { author, message, changes, pause, reference } = commitRequest(form);
  const flags = [
    ...(author === "" ? [] : [`-a ${shellWord(author)}`]),
    ...(message === "" ? [] : [`-m ${shellWord(message)}`]),
    ...changes.map((change) => `-c ${shellWord(change)}`),
    ...(pause ? [] : ["--no-pause"]),
  ];
  return ["gantry commit", ...flags, shellWord(form.title), ...(reference === null ? [] : [reference])].join(" ");
}
