import { emptyInput, inputOf, type TextInput } from "./text-input.ts";

/** What is asked in one row. `choices`: what the space bar goes through; anything else may be typed as well. */
export type Field = {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly choices?: readonly string[];
};

/** Which command a form is for. */
export type FormPurpose =
  | "build.create"
  | "container.create"
  | "container.limits"
  | "files.commit"
  | "network.create"
  | "volume.create";

export type Form = {
  readonly purpose: FormPurpose;
  /** What it is about: the id or the name of an object; empty where one is made of nothing. */
  readonly subject: string;
  /** `New container of`, and of what: safe to show. */
  readonly title: string;
  readonly name: string;
  /** What Enter does, and what is said meanwhile. */
  readonly enter: string;
  readonly doing: string;
  readonly fields: readonly Field[];
  /** By the field's id. */
  readonly inputs: Readonly<Record<string, TextInput>>;
  /** By the field's id: what is so already, where the form changes something that is there. */
  readonly initial: Readonly<Record<string, string>>;
  /** Index of a field. */
  readonly focus: number;
  /** Why the last try failed, or empty. */
  readonly error: string;
  readonly busy: boolean;
};

export type FormStart = Pick<Form, "purpose" | "subject" | "title" | "name" | "enter" | "doing" | "fields"> & {
  /** By the field's id: what stands there already. */
  readonly values?: Readonly<Record<string, string>>;
  readonly initial?: Readonly<Record<string, string>>;
};

export function openForm({ values = {}, initial = {}, ...form }: FormStart): Form {
  const inputs = form.fields.map(({ id }) => {
    const value = values[id] ?? "";
    return [id, value === "" ? emptyInput : inputOf(value)] as const;
  });
  return { ...form, initial, inputs: Object.fromEntries(inputs), focus: 0, error: "", busy: false };
}

export function moveFocus(form: Form, step: 1 | -1): Form {
  return { ...form, focus: Math.max(0, Math.min(form.fields.length - 1, form.focus + step)) };
}

export function focusedInput(form: Form): TextInput {
  return form.inputs[form.fields[form.focus]?.id ?? ""] ?? emptyInput;
}

export function setInput(form: Form, input: TextInput): Form {
  const id = form.fields[form.focus]?.id ?? "";
  return { ...form, error: "", inputs: { ...form.inputs, [id]: input } };
}

/** The next choice of the field that has the focus, or null where it has none. */
export function nextChoice(form: Form): Form | null {
  const choices = form.fields[form.focus]?.choices ?? [];
  if (choices.length === 0) return null;
  const index = choices.indexOf(focusedInput(form).value.trim());
  return setInput(form, inputOf(choices[(index + 1) % choices.length] ?? ""));
}

/** What is typed in a field, without blanks around it. */
export function textOf({ inputs }: Pick<Form, "inputs">, id: string): string {
  return (inputs[id]?.value ?? "").trim();
}

/** True for `yes` and what begins as it does; false for all else, and for nothing. */
export function isYes(form: Pick<Form, "inputs">, id: string): boolean {
  return /^y/i.test(textOf(form, id));
}
