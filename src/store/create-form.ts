import { emptyInput, inputOf, type TextInput } from "./text-input.ts";

/** What the form for a new container asks, in its order. */
export const formFields = ["name", "command", "ports", "volumes", "environment", "memory", "cpus", "pids"] as const;
export type FormField = (typeof formFields)[number];

export type CreateForm = {
  readonly image: string;
  readonly inputs: Readonly<Record<FormField, TextInput>>;
  readonly focus: FormField;
  /** Why the last try failed, or empty. */
  readonly error: string;
  readonly busy: boolean;
};

/** A form for an image; `ports` are those it exposes, written as they would be published. */
export function openForm(image: string, ports: string): CreateForm {
  return {
    image,
    inputs: {
      name: emptyInput,
      command: emptyInput,
      ports: inputOf(ports),
      volumes: emptyInput,
      environment: emptyInput,
      memory: emptyInput,
      cpus: emptyInput,
      pids: emptyInput,
    },
    focus: "name",
    error: "",
    busy: false,
  };
}

export function moveFocus(form: CreateForm, step: 1 | -1): CreateForm {
  const index = formFields.indexOf(form.focus) + step;
  return { ...form, focus: formFields[Math.max(0, Math.min(formFields.length - 1, index))] ?? "name" };
}

export function setInput(form: CreateForm, input: TextInput): CreateForm {
  return { ...form, error: "", inputs: { ...form.inputs, [form.focus]: input } };
}
