import { fitSpans, spread, wrapLine, wrapWords } from "../components/spans.ts";
import { screenText } from "../format/screen-text.ts";
import { commandGroups } from "../keymap/commands.ts";
import type { Keymap } from "../keymap/keymap.ts";
import { formatKey } from "../keymap/keys.ts";
import type { Pane } from "../keymap/panes.ts";
import { type CreateForm, type FormField, formFields } from "../store/create-form.ts";
import type { Overlay } from "../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { emptyLine, type Line, line, type Span, span } from "../theme/tokens.ts";
import { inputSpans } from "./chrome.ts";
import type { Size } from "./layout.ts";
import { paletteEntries, searchPalette } from "./palette.ts";

/** What lies over the panes: its place, its frame's texts, and its rows. */
export type OverlayView = {
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
  readonly title: readonly Span[];
  readonly note: readonly Span[];
  readonly lines: readonly Line[];
};

type Place = { readonly size: Size; readonly keymap: Keymap; readonly pane: Pane };

export function overlayView(overlay: Overlay, place: Place): OverlayView {
  switch (overlay.kind) {
    case "help":
      return helpView(overlay.scroll, place);
    case "palette":
      return paletteView(overlay, place);
    case "details":
      return detailsView(overlay, place.size);
    case "form":
      return formView(overlay.form, place.size);
  }
}

function centred(size: Size, columns: number, rows: number): Pick<OverlayView, "left" | "top" | "columns" | "rows"> {
  const wide = Math.min(columns, size.columns - 2);
  const high = Math.min(rows, size.rows - 2);
  return {
    columns: wide,
    rows: high,
    left: Math.floor((size.columns - wide) / 2),
    top: Math.max(1, Math.floor((size.rows - high) / 2)),
  };
}

function helpView(scroll: number, { size, keymap }: Place): OverlayView {
  const place = centred(size, 96, 36);
  const twoColumns = place.columns >= 84;
  const width = twoColumns ? Math.floor((place.columns - 6) / 2) : place.columns - 4;
  const groups = commandGroups.map((group) => groupLines(keymap, group, width)).filter((lines) => lines.length > 0);
  const lines = twoColumns ? besideEachOther(groups, width) : groups.flat();
  const height = place.rows - 2;
  const from = Math.min(scroll, Math.max(0, lines.length - height));
  return {
    ...place,
    title: [span("Help", "title")],
    note: [span(lines.length > height ? "j/k scroll  Esc close" : "Esc close", "faint")],
    lines: lines.slice(from, from + height),
  };
}

function groupLines(keymap: Keymap, group: string, width: number): Line[] {
  const bindings = keymap.bindings.filter(({ command, keys }) => command.group === group && keys.length > 0);
  if (bindings.length === 0) return [];
  const rows = bindings.map(({ command, keys }) => {
    const title = command.title + (command.asks ? " (asks first)" : "");
    return line(
      ...fitSpans([span(" "), ...fitSpans([span(keys.map(formatKey).join(" "), "key")], 13), span(title)], width),
    );
  });
  return [line(...fitSpans([span(` ${group}`, "title")], width)), ...rows, line(span(" ".repeat(width)))];
}

/** Fills the left column first, up to half of all. */
function besideEachOther(groups: readonly (readonly Line[])[], width: number): Line[] {
  const total = groups.reduce((sum, lines) => sum + lines.length, 0);
  const left: Line[] = [];
  const right: Line[] = [];
  for (const lines of groups) {
    if (right.length === 0 && left.length + lines.length / 2 <= total / 2) left.push(...lines);
    else right.push(...lines);
  }
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) =>
    line(...(left[index]?.spans ?? [span(" ".repeat(width))]), span("  "), ...(right[index]?.spans ?? [])),
  );
}

function paletteView(overlay: Extract<Overlay, { kind: "palette" }>, { size, keymap, pane }: Place): OverlayView {
  const matches = searchPalette(paletteEntries(keymap, pane), overlay.query.value);
  const place = { ...centred(size, 64, Math.min(18, size.rows - 4)), top: Math.max(1, Math.floor(size.rows / 6)) };
  const width = place.columns - 2;
  const count = place.rows - 4;
  const from = Math.max(0, Math.min(overlay.index - Math.floor(count / 2), matches.length - count));
  const rows = matches.slice(from, from + count).map(({ entry, positions }, offset): Line => {
    const title = [...entry.title].map((letter, index) => span(letter, positions.has(index) ? "accent" : "text"));
    const selected = from + offset === overlay.index;
    const cursor = span(selected ? `${glyphs.cursor} ` : "  ", "accent");
    const spans = spread([cursor, ...title], [span(`${entry.keys} `, "key")], width).spans;
    return selected ? { spans, fill: "selection" } : { spans };
  });
  const none = [line(span("  no command fits", "muted"))];
  return {
    ...place,
    title: [span("Commands", "title")],
    note: [span("Enter run  Esc close", "faint")],
    lines: [
      line(span(" : ", "prompt"), ...inputSpans(overlay.query, true)),
      emptyLine,
      ...(rows.length > 0 ? rows : none),
    ],
  };
}

function detailsView(overlay: Extract<Overlay, { kind: "details" }>, size: Size): OverlayView {
  const rows = size.rows - 3;
  const height = rows - 2;
  const lines = wrapDetails(overlay.lines, size.columns - 4);
  const from = Math.min(overlay.scroll, Math.max(0, lines.length - height));
  const last = Math.min(lines.length, from + height);
  return {
    left: 0,
    top: 1,
    columns: size.columns,
    rows,
    title: [span(overlay.title, "title")],
    note: [span(`${from + 1}-${last}/${lines.length}  Esc close`, "faint")],
    lines: lines.slice(from, last).map((row) => ({ spans: [span(" "), ...row.spans] })),
  };
}

const wrapped = new WeakMap<readonly Line[], { readonly width: number; readonly lines: readonly Line[] }>();

/** Ten thousand changes are not wrapped again for each frame. */
function wrapDetails(lines: readonly Line[], width: number): readonly Line[] {
  const known = wrapped.get(lines);
  if (known?.width === width) return known.lines;
  const rows = lines.flatMap((row) => wrapLine(row, width, 4));
  wrapped.set(lines, { width, lines: rows });
  return rows;
}

/** The scroll place nearest to the one wanted, as far as there is something to see. */
export function clampScroll(overlay: Extract<Overlay, { kind: "details" }>, size: Size, wanted: number): number {
  const { length } = wrapDetails(overlay.lines, size.columns - 4);
  return Math.max(0, Math.min(wanted, length - (size.rows - 5)));
}

const fieldTexts: Readonly<Record<FormField, { readonly label: string; readonly hint: string }>> = {
  name: { label: "Name", hint: "made up when empty" },
  command: { label: "Command", hint: "the image's own when empty" },
  ports: { label: "Ports", hint: "8080:80  127.0.0.1:5353:53/udp" },
  volumes: { label: "Volumes", hint: "/srv/data:/data  ./conf:/etc/app:ro" },
  environment: { label: "Environment", hint: "NAME=value  OTHER='two words'" },
  memory: { label: "Memory", hint: "no limit when empty; 256m, 2g" },
  cpus: { label: "CPUs", hint: "no limit when empty; 0.5, 2" },
  pids: { label: "Processes", hint: "no limit when empty; 100" },
};

function formView(form: CreateForm, size: Size): OverlayView {
  const columns = Math.min(78, size.columns - 2);
  const message = formMessage(form, columns - 4);
  const isTight = formFields.length + message.length + 6 > size.rows;
  const place = centred(size, columns, formFields.length + message.length + (isTight ? 3 : 4));
  const fields = formFields.map((field): Line => {
    const { label, hint } = fieldTexts[field];
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
  return {
    ...place,
    title: [span("New container of ", "title"), span(screenText(form.image), "accent")],
    note: [],
    lines: [...fields, ...(isTight ? [] : [emptyLine]), ...message, formKeys],
  };
}

const formKeys = line(
  ...["Tab", "next field   ", "Enter", "create and start   ", "Esc", "close"].map((text, index) =>
    span(` ${text}`, index % 2 === 0 ? "key" : "muted"),
  ),
);

/** Always two rows at least, so that the form does not jump when there is something to say. */
function formMessage(form: CreateForm, width: number): Line[] {
  const text = form.busy ? "creating and starting" : form.error;
  const lines = wrapWords(text, width)
    .slice(0, 4)
    .map((row) => line(span(` ${row}`, form.busy ? "info" : "error")));
  return [...lines, ...Array.from({ length: Math.max(0, 2 - lines.length) }, () => emptyLine)];
}
