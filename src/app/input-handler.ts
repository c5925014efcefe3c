import { findCommand } from "../keymap/keymap.ts";
import type { Pane, Place } from "../keymap/panes.ts";
import { upFrom } from "../panes/builds/actions.ts";
import { setEventFilter } from "../panes/events/actions.ts";
import { setFilter } from "../panes/files/actions.ts";
import { askAgain } from "../panes/images/pull.ts";
import { placeOf } from "../store/browser.ts";
import { focusedInput, moveFocus, nextChoice, setInput } from "../store/form.ts";
import { editInput, insertText, type TextInput } from "../store/text-input.ts";
import type { Overlay, Prompt } from "../store/ui.ts";
import type { Dashboard } from "./dashboard.ts";
import { type ExecuteContext, execute, executeConfirmed } from "./execute.ts";
import { submitForm } from "./forms.ts";
import type { InputEvent } from "./key-decoder.ts";
import { typeLine } from "./line-prompt.ts";
import { clampScroll } from "./overlays.ts";
import { paletteEntries, searchPalette } from "./palette.ts";
import { handleView, stepOf } from "./view-input.ts";

/** Gives a key to what is uppermost: a question, an overlay, or the panes. */
export function handleInput(dashboard: Dashboard, event: InputEvent, context: ExecuteContext): void {
  const { prompt, overlay } = dashboard.ui.get();
  if (event.type === "key" && event.key === "ctrl+l") {
    execute(dashboard, "screen.repaint", context);
    return;
  }
  if (prompt?.kind === "confirm") {
    answer(dashboard, prompt, event);
    return;
  }
  if (prompt?.kind === "filter") {
    typeFilter(dashboard, prompt, event);
    return;
  }
  if (prompt?.kind === "line") {
    typeLine(dashboard, prompt, { event, typed: typed(prompt.input, event) });
    return;
  }
  if (overlay !== null) {
    handleOverlay(dashboard, overlay, { event, context });
    return;
  }
  if (event.type === "paste") return;
  const command = findCommand(dashboard.keymap, event.key, placeHere(dashboard));
  if (command !== null) execute(dashboard, command, context);
}

function placeHere(dashboard: Dashboard): Place {
  return placeOf(dashboard.browser.get(), dashboard.ui.get());
}

function answer(dashboard: Dashboard, prompt: Extract<Prompt, { kind: "confirm" }>, event: InputEvent): void {
  if (event.type === "paste") return;
  dashboard.ui.dispatch({ type: "prompt", prompt: null });
  // Who presses it twice means it.
  const isUrgent = event.key === "ctrl+c" && prompt.command === "quit";
  if (event.key === "y" || event.key === "Y" || isUrgent) executeConfirmed(dashboard, prompt.command, prompt.targets);
}

function typeFilter(dashboard: Dashboard, prompt: Extract<Prompt, { kind: "filter" }>, event: InputEvent): void {
  const close = () => dashboard.ui.dispatch({ type: "prompt", prompt: null });
  if (event.type === "key" && event.key === "enter") {
    close();
    return;
  }
  if (event.type === "key" && (event.key === "esc" || event.key === "ctrl+c")) {
    applyFilter(dashboard, prompt.pane, prompt.before);
    close();
    return;
  }
  const input = typed(prompt.input, event);
  if (input === null) return;
  dashboard.ui.dispatch({ type: "prompt", prompt: { ...prompt, input } });
  applyFilter(dashboard, prompt.pane, input.value);
  if (prompt.pane === "logs") dashboard.ui.dispatch({ type: "log-bottom", sequence: null });
}

function applyFilter(dashboard: Dashboard, pane: Pane | "files" | "events", text: string): void {
  if (pane === "files") setFilter(dashboard, text);
  else if (pane === "events") setEventFilter(dashboard, text);
  else dashboard.ui.dispatch({ type: "filter", pane, text });
}

/** The input after a key or a paste, or null when that types nothing. */
function typed(input: TextInput, event: InputEvent): TextInput | null {
  if (event.type === "paste") return insertText(input, event.text);
  const edited = editInput(input, event.key);
  if (edited !== null) return edited;
  return event.text === "" ? null : insertText(input, event.text);
}

type Input = { readonly event: InputEvent; readonly context: ExecuteContext };

function handleOverlay(dashboard: Dashboard, overlay: Overlay, input: Input): void {
  const { event } = input;
  if (event.type === "key" && (event.key === "esc" || event.key === "ctrl+c")) {
    closeOverlay(dashboard, overlay);
    return;
  }
  switch (overlay.kind) {
    case "palette":
      typeInPalette(dashboard, overlay, input);
      return;
    case "form":
      typeInForm(dashboard, overlay, event);
      return;
    case "work":
    case "prune":
    case "search":
    case "events":
    case "connections":
    case "builds":
      handleView(dashboard, overlay, input);
      return;
    case "help":
    case "details":
      scrollReader(dashboard, overlay, input);
      return;
  }
}

/** One step back: from what was found to what was searched, from a filter to all, else to the panes. */
function closeOverlay(dashboard: Dashboard, overlay: Overlay): void {
  if (overlay.kind === "search") askAgain(dashboard, overlay.term);
  else if (overlay.kind === "events" && overlay.filter !== "") setEventFilter(dashboard, "");
  else dashboard.ui.dispatch({ type: "overlay", overlay: overlay.kind === "builds" ? upFrom(overlay) : null });
}

function typeInPalette(
  dashboard: Dashboard,
  overlay: Extract<Overlay, { kind: "palette" }>,
  { event, context }: Input,
): void {
  const show = (next: Overlay | null) => dashboard.ui.dispatch({ type: "overlay", overlay: next });
  const matches = searchPalette(paletteEntries(dashboard.keymap, placeHere(dashboard)), overlay.query.value);
  const key = event.type === "key" ? event.key : "";
  const step = { down: 1, "ctrl+n": 1, tab: 1, up: -1, "ctrl+p": -1, "shift+tab": -1 }[key] ?? 0;
  if (step !== 0) {
    const index = Math.max(0, Math.min(matches.length - 1, overlay.index + step));
    show({ ...overlay, index });
    return;
  }
  if (key === "enter") {
    show(null);
    const run = matches[overlay.index]?.entry.run;
    if (run?.kind === "theme") dashboard.prefs.dispatch({ type: "theme", theme: run.theme });
    else if (run?.kind === "command") execute(dashboard, run.id, context);
    return;
  }
  const query = typed(overlay.query, event);
  if (query !== null) show({ ...overlay, query, index: query.value === overlay.query.value ? overlay.index : 0 });
}

function typeInForm(dashboard: Dashboard, { form }: Extract<Overlay, { kind: "form" }>, event: InputEvent): void {
  if (form.busy) return;
  const show = (next: typeof form) => dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "form", form: next } });
  const key = event.type === "key" ? event.key : "";
  const chosen = key === "space" ? nextChoice(form) : null;
  if (key === "enter" || key === "ctrl+s") void submitForm(dashboard, form);
  else if (key === "tab" || key === "down") show(moveFocus(form, 1));
  else if (key === "shift+tab" || key === "up") show(moveFocus(form, -1));
  else if (chosen !== null) show(chosen);
  else {
    const input = typed(focusedInput(form), event);
    if (input !== null) show(setInput(form, input));
  }
}

/** Help and details are only read: the keys that move, those that close, and the other form of details. */
function scrollReader(
  dashboard: Dashboard,
  overlay: Extract<Overlay, { kind: "help" | "details" }>,
  { event, context }: Input,
): void {
  if (event.type === "paste") return;
  const { keymap, ui } = dashboard;
  const command = findCommand(keymap, event.key, "details") ?? findCommand(keymap, event.key, ui.get().focus);
  if (command !== null && closing.has(command)) {
    ui.dispatch({ type: "overlay", overlay: null });
    return;
  }
  if (command === "details.json") execute(dashboard, command, context);
  const step = event.key === "space" ? stepOf(dashboard, "page.down") : stepOf(dashboard, command ?? "");
  if (step === 0) return;
  const wanted = overlay.scroll + step;
  const size = dashboard.terminal.size();
  const scroll = overlay.kind === "details" ? clampScroll(overlay, size, wanted) : Math.max(0, Math.min(100, wanted));
  ui.dispatch({ type: "overlay", overlay: { ...overlay, scroll } });
}

const closing: ReadonlySet<string> = new Set(["quit", "help.open", "details.open", "back", "view.close"]);
