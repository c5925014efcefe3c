import { emptyInput, inputOf, type TextInput } from "./text-input.ts";

/** What the form for an image of a container asks, in its order. */
export const commitFields = ["name", "message", "author", "changes", "pause"] as const;
export type CommitField = (typeof commitFields)[number];

export type CommitForm = {
  /** Id and name of the container. */
  readonly container: string;
  readonly title: string;
  readonly inputs: Readonly<Record<CommitField, TextInput>>;
  readonly focus: CommitField;
  /** Why the last try failed, or empty. */
  readonly error: string;
  readonly busy: boolean;
};

export function openCommit(container: string, title: string): CommitForm {
  return {
    container,
    title,
    inputs: { name: emptyInput, message: emptyInput, author: emptyInput, changes: emptyInput, pause: inputOf("yes") },
    focus: "name",
    error: "",
    busy: false,
  };
}

export function moveCommitFocus(form: CommitForm, step: 1 | -1): CommitForm {
  const index = commitFields.indexOf(form.focus) + step;
  return { ...form, focus: commitFields[Math.max(0, Math.min(commitFields.length - 1, index))] ?? "name" };
}

export function setCommitInput(form: CommitForm, input: TextInput): CommitForm {
  return { ...form, error: "", inputs: { ...form.inputs, [form.focus]: input } };
}

/** Whether the container is frozen meanwhile: yes or no. */
export function togglePause(form: CommitForm): CommitForm {
  const pause = inputOf(isPaused(form) ? "no" : "yes");
  return { ...form, inputs: { ...form.inputs, pause } };
}

export function isPaused({ inputs }: CommitForm): boolean {
  return !/^n/i.test(inputs.pause.value.trim());
}
