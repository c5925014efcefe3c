import { search } from "../panes/images/pull.ts";
import { inputOf, type TextInput } from "../store/text-input.ts";
import type { Prompt } from "../store/ui.ts";
import type { Dashboard } from "./dashboard.ts";
import { executeTyped } from "./execute.ts";
import type { InputEvent } from "./key-decoder.ts";

type LinePrompt = Extract<Prompt, { kind: "line" }>;

/** Takes keys while a line is typed. `typed`: the line after the event, or null where that types nothing. */
export function typeLine(
  dashboard: Dashboard,
  prompt: LinePrompt,
  { event, typed }: { readonly event: InputEvent; readonly typed: TextInput | null },
): void {
  const show = (next: Prompt | null) => dashboard.ui.dispatch({ type: "prompt", prompt: next });
  const key = event.type === "key" ? event.key : "";
  const isEmpty = prompt.input.value === "";
  const text = isEmpty ? prompt.offer : prompt.input.value;
  if (key === "esc" || key === "ctrl+c") show(null);
  else if (key === "enter") {
    show(null);
    executeTyped(dashboard, prompt.command, { targets: prompt.targets, text });
  } else if (key === "tab") {
    if (prompt.command === "image.pull") void search(dashboard, prompt.input.value);
    else if (prompt.command === "image.push") show({ ...prompt, input: inputOf(nextTarget(prompt)) });
  } else if (isEmpty && (key === "right" || key === "end" || key === "ctrl+e" || key === "ctrl+f")) {
    show({ ...prompt, input: inputOf(prompt.offer) });
  } else if (typed !== null) show({ ...prompt, input: typed });
}

function nextTarget({ targets, input }: LinePrompt): string {
  return targets[(targets.indexOf(input.value) + 1) % targets.length] ?? input.value;
}
