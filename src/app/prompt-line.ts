import { fitSpans, spread, widthOf } from "../components/spans.ts";
import stringWidth from "../components/string-width.ts";
import { graphemes, type TextInput } from "../store/text-input.ts";
import type { Prompt } from "../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { type Line, type Span, span } from "../theme/tokens.ts";

/** A text that is being typed, with its cursor. */
export function inputSpans(input: TextInput, focused: boolean): Span[] {
  if (!focused) return [span(input.value)];
  const parts = graphemes(input.value);
  return [
    span(parts.slice(0, input.cursor).join("")),
    { text: parts[input.cursor] ?? " ", tone: "text", fill: "selection" },
    span(parts.slice(input.cursor + 1).join("")),
  ];
}

type LinePrompt = Extract<Prompt, { kind: "line" }>;

const shortestInput = 24;

/** What is asked, what is typed, and at the right what the keys do where there is room to say so. */
export function promptLine(prompt: LinePrompt, width: number): Line {
  const hints = hintsOf(prompt);
  const label = shortLabel(prompt.label, width - shortestInput);
  const room = width - widthOf(label);
  const shown = room - widthOf(hints) >= shortestInput ? hints : [];
  const inputRoom = room - widthOf(shown) - 1;
  return spread([...label, ...inputIn(prompt, inputRoom)], shown, width);
}

function shortLabel(label: string, room: number): Span[] {
  const spans = [span(` ${label} `, "prompt")];
  return widthOf(spans) <= room ? spans : [...fitSpans(spans, room - 1), span(" ")];
}

function hintsOf({ command, input, offer }: LinePrompt): Span[] {
  const canEnter = input.value !== "" || offer !== "";
  const keys: readonly (readonly [string, string])[] = [
    ...(canEnter ? [["Enter", command.slice(command.indexOf(".") + 1)] as const] : []),
    ...(command === "image.pull" ? [["Tab", "search"] as const] : []),
    ...(command === "image.push" ? [["Tab", "next name"] as const] : []),
    ["Esc", "close"],
  ];
  return keys.flatMap(([key, word]) => [span(`  ${key}`, "key"), span(` ${word}`, "muted")]).concat(span(" "));
}

function inputIn({ input, offer }: LinePrompt, room: number): Span[] {
  if (input.value !== "" || offer === "") return inputSpans(windowOf(input, room), true);
  const [first = " ", ...rest] = graphemes(offer);
  return [{ text: first, tone: "faint", fill: "selection" }, span(rest.join(""), "faint")];
}

/** The part of a long text around the cursor that fits into `width` columns, with the cursor after its end. */
export function windowOf(input: TextInput, width: number): TextInput {
  const parts = graphemes(input.value);
  const size = (from: number, to: number) => stringWidth(parts.slice(from, to).join(""));
  if (size(0, parts.length) < width) return input;
  let from = 0;
  // The sign for what was left out takes a column as well.
  while (from < input.cursor && size(from, input.cursor) > width - 2) from += 1;
  const before = from === 0 ? "" : glyphs.ellipsis;
  return { value: before + parts.slice(from).join(""), cursor: input.cursor - from + (from === 0 ? 0 : 1) };
}
