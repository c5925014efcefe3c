import { fitSpans, spread, widthOf, wrapWords } from "../components/spans.ts";
import { windowStart } from "../components/table.ts";
import { usesOf } from "../panes/containers/limits-form.ts";
import type { Form } from "../store/form.ts";
import type { Mirror } from "../store/mirror.ts";
import { emptyInput } from "../store/text-input.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { emptyLine, type Line, line, type Span, span } from "../theme/tokens.ts";
import { formTwin } from "./forms.ts";
import type { Size } from "./layout.ts";
import { centred, type OverlayView } from "./overlay-view.ts";
import { inputSpans, windowOf } from "./prompt-line.ts";

/** What stands in a form without its fields: a row or two for what is told, one for the keys, and the frame. */
const tightAround = 5;
const labelWidth = 15;

/** A form over the panes: a row for each field, why the last try failed, the same as a command, and the keys. */
export function formView(form: Form, mirror: Mirror, size: Size): OverlayView {
  const columns = Math.min(78, size.columns - 2);
  const message = messageLines(form, columns - 4);
  const most = Math.max(3, size.rows - 2 - tightAround - Math.max(0, message.length - 2));
  const isTight = form.fields.length + message.length + 6 > size.rows;
  const count = Math.min(form.fields.length, most);
  const place = centred(size, columns, count + message.length + (isTight ? 3 : 4));
  const from = windowStart(form.fields.length, count, form.focus, 0);
  const uses = form.purpose === "container.limits" ? usesOf(mirror.stats.get(form.subject)?.at(-1) ?? null) : {};
  const fields = form.fields
    .slice(from, from + count)
    .map((_, offset) => fieldLine(form, from + offset, uses, columns - 3));
  const more = form.fields.length - count;
  return {
    ...place,
    title: [span(form.title, "title"), span(form.name === "" ? "" : ` ${form.name}`, "accent")],
    note: more > 0 ? [span(`${form.focus + 1} of ${form.fields.length}`, "faint")] : [],
    lines: [...fields, ...(isTight ? [] : [emptyLine]), ...message, keysLine(form)],
  };
}

function fieldLine(form: Form, index: number, uses: Readonly<Record<string, string>>, width: number): Line {
  const field = form.fields[index];
  if (field === undefined) return emptyLine;
  const focused = form.focus === index;
  const input = form.inputs[field.id] ?? emptyInput;
  const use = uses[field.id] ?? "";
  const right: Span[] = use === "" ? [] : [span(` ${use}`, "muted")];
  const room = width - labelWidth - widthOf(right);
  const hint = input.value === "" ? [span(focused ? ` ${field.hint}` : field.hint, "faint")] : [];
  const value = input.value === "" && !focused ? [] : inputSpans(windowOf(input, room), focused);
  const label = [
    span(focused ? `${glyphs.cursor} ` : "  ", "accent"),
    ...fitSpans([span(field.label, focused ? "strong" : "muted")], labelWidth - 2),
  ];
  return spread([...label, ...value, ...hint], right, width);
}

function keysLine(form: Form): Line {
  const hasChoices = (form.fields[form.focus]?.choices ?? []).length > 0;
  const keys = [
    ["Tab", "next field"],
    ...(hasChoices ? [["Space", "choose"]] : []),
    ["Enter", form.enter],
    ["Esc", "close"],
  ];
  return line(...keys.flatMap(([key = "", word = ""]) => [span(` ${key}`, "key"), span(` ${word}  `, "muted")]));
}

/** Always two rows at least, so that the form does not jump when there is something to say. */
function messageLines(form: Form, width: number): Line[] {
  const told = form.busy ? form.doing : form.error;
  const tone = form.busy ? "info" : form.error === "" ? "faint" : "error";
  const lines = wrapWords(told === "" ? twinText(form) : told, width)
    .slice(0, told === "" ? 2 : 4)
    .map((row) => line(span(` ${row}`, tone)));
  return [...lines, ...Array.from({ length: Math.max(0, 2 - lines.length) }, () => emptyLine)];
}

/** The command line that does the same; nothing while a value is no value yet. */
function twinText(form: Form): string {
  const twin = formTwin(form);
  return twin === "" ? "" : `$ ${twin}`;
}
