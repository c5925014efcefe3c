import type { MethodParams } from "../../../engine/protocol/methods.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { type Field, type Form, openForm as newForm, textOf } from "../../store/form.ts";
import { openForm, submitting } from "../forms/submit.ts";
import { topScreen } from "./actions.ts";
import { shellWord } from "./shell-word.ts";

const fields: readonly Field[] = [
  { id: "name", label: "Name", hint: "team/web:1.2; without a name when empty" },
  { id: "message", label: "Message", hint: "for the history" },
  { id: "author", label: "Author", hint: "Jane Doe <jane@example.org>" },
  { id: "changes", label: "Changes", hint: 'CMD ["nginx"]; ENV MODE=fast; EXPOSE 80' },
  { id: "pause", label: "Pause", hint: "yes or no: whether it stands still meanwhile", choices: ["yes", "no"] },
];

export function commitForm(container: string, name: string): Form {
  return newForm({
    purpose: "files.commit",
    subject: container,
    title: "New image of",
    name: screenText(name),
    enter: "make the image",
    doing: "making the image",
    fields,
    values: { pause: "yes" },
  });
}

/** Asks what an image of the container that is browsed shall be called. */
export function openCommitForm(dashboard: Dashboard): void {
  const screen = topScreen(dashboard);
  if (screen?.kind !== "files") return;
  const { type, id, name } = screen.browsed;
  if (type !== "container") {
    flash(dashboard, {
      tone: "info",
      message: type === "image" ? "an image is committed already" : "an image is made of a container, not of a volume",
      hint: "browse a container to make one of it",
    });
    return;
  }
  openForm(dashboard, commitForm(id, name));
}

/** Makes the image. */
export function commit(dashboard: Dashboard, form: Form): Promise<void> {
  return submitting(dashboard, form, async () => {
    const { id } = await dashboard.client.request("containers.commit", commitRequest(form));
    const name = textOf(form, "name");
    const made = name === "" ? shortID(id) : screenText(name);
    return { message: `made image ${made} of ${form.name}`, twin: commitTwin(form) };
  });
}

export function commitRequest(form: Form): MethodParams<"containers.commit"> {
  const name = textOf(form, "name");
  return {
    container: form.subject,
    reference: name === "" ? null : name,
    author: textOf(form, "author"),
    message: textOf(form, "message"),
    changes: splitChanges(textOf(form, "changes")),
    pause: !/^n/i.test(textOf(form, "pause")),
  };
}

/** Lines of a Dockerfile, apart by semicolons; one that no instruction follows belongs to its line. */
export function splitChanges(text: string): string[] {
  return text
    .split(/;\s*(?=[A-Za-z]+\s)/)
    .map((part) => part.trim().replace(/;$/, ""))
    .filter((part) => part !== "");
}

export function commitTwin(form: Form): string {
  const { author, message, changes, pause, reference } = commitRequest(form);
  const flags = [
    ...(author === "" ? [] : [`-a ${shellWord(author)}`]),
    ...(message === "" ? [] : [`-m ${shellWord(message)}`]),
    ...changes.map((change) => `-c ${shellWord(change)}`),
    ...(pause ? [] : ["--no-pause"]),
  ];
  return ["gantry commit", ...flags, shellWord(form.name), ...(reference === null ? [] : [reference])].join(" ");
}
