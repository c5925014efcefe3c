import { wrapWords } from "../components/spans.ts";
import { screenText } from "../format/screen-text.ts";
import { type CommitField, type CommitForm, commitFields } from "../store/commit-form.ts";
import { type CreateForm, type FormField, formFields } from "../store/create-form.ts";
import type { TextInput } from "../store/text-input.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { emptyLine, type Line, line, span } from "../theme/tokens.ts";
import type { Size } from "./layout.ts";
import { centred, type OverlayView } from "./overlay-view.ts";
import { inputSpans } from "./prompt-line.ts";

/** Forms over the panes: a row for each field, why the last try failed, and the keys. */

type FieldTexts = { readonly label: string; readonly hint: string };

type Form<Field extends string> = {
  readonly fields: readonly Field[];
  readonly texts: Readonly<Record<Field, FieldTexts>>;
  readonly inputs: Readonly<Record<Field, TextInput>>;
  readonly focus: Field;
  readonly error: string;
  /** What is being done, or empty. */
  readonly doing: string;
  /** What Enter does. */
  readonly enter: string;
};

const createTexts: Readonly<Record<FormField, FieldTexts>> = {
  name: { label: "Name", hint: "made up when empty" },
  command: { label: "Command", hint: "the image's own when empty" },
  ports: { label: "Ports", hint: "8080:80  127.0.0.1:5353:53/udp" },
  volumes: { label: "Volumes", hint: "/srv/data:/data  ./conf:/etc/app:ro" },
  environment: { label: "Environment", hint: "NAME=value  OTHER='two words'" },
  memory: { label: "Memory", hint: "no limit when empty; 256m, 2g" },
  cpus: { label: "CPUs", hint: "no limit when empty; 0.5, 2" },
  pids: { label: "Processes", hint: "no limit when empty; 100" },
};

export function createFormView(form: CreateForm, size: Size): OverlayView {
  const doing = form.busy ? "creating and starting" : "";
  const view = formView({ ...form, fields: formFields, texts: createTexts, doing, enter: "create and start" }, size);
  return { ...view, title: [span("New container of ", "title"), span(screenText(form.image), "accent")] };
}

const commitTexts: Readonly<Record<CommitField, FieldTexts>> = {
  name: { label: "Name", hint: "team/web:1.2; without a name when empty" },
  message: { label: "Message", hint: "for the history" },
  author: { label: "Author", hint: "Jane Doe <jane@example.org>" },
  changes: { label: "Changes", hint: 'CMD ["nginx"]; ENV MODE=fast; EXPOSE 80' },
  pause: { label: "Pause", hint: "yes or no: whether it stands still meanwhile" },
};

export function commitFormView(form: CommitForm, size: Size): OverlayView {
  const doing = form.busy ? "making the image" : "";
  const view = formView({ ...form, fields: commitFields, texts: commitTexts, doing, enter: "make the image" }, size);
  return { ...view, title: [span("New image of ", "title"), span(screenText(form.title), "accent")] };
}

function formView<Field extends string>(form: Form<Field>, size: Size): Omit<OverlayView, "title"> {
  const columns = Math.min(78, size.columns - 2);
  const message = messageLines(form, columns - 4);
  const isTight = form.fields.length + message.length + 6 > size.rows;
  const place = centred(size, columns, form.fields.length + message.length + (isTight ? 3 : 4));
  const fields = form.fields.map((field): Line => {
    const { label, hint } = form.texts[field];
    const focused = form.focus === field;
    const input = form.inputs[field];
    const value = input.value === "" && !focused ? [span(hint, "faint")] : inputSpans(input, focused);
    const shownHint = input.value === "" && focused ? [span(` ${hint}`, "faint")] : [];
    return line(
      span(focused ? `${glyphs.cursor} ` : "  ", "accent"),
      span(label.padEnd(13), focused ? "strong" : "muted"),
      ...value,
      ...shownHint,
    );
  });
  return { ...place, note: [], lines: [...fields, ...(isTight ? [] : [emptyLine]), ...message, keysLine(form.enter)] };
}

function keysLine(enter: string): Line {
  return line(
    ...["Tab", "next field   ", "Enter", `${enter}   `, "Esc", "close"].map((text, index) =>
      span(` ${text}`, index % 2 === 0 ? "key" : "muted"),
    ),
  );
}

/** Always two rows at least, so that the form does not jump when there is something to say. */
function messageLines({ doing, error }: Pick<Form<string>, "doing" | "error">, width: number): Line[] {
  const lines = wrapWords(doing === "" ? error : doing, width)
    .slice(0, 4)
    .map((row) => line(span(` ${row}`, doing === "" ? "error" : "info")));
  return [...lines, ...Array.from({ length: Math.max(0, 2 - lines.length) }, () => emptyLine)];
}
