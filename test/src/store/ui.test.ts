import { expect, it } from "vitest";
import { createStore } from "../../../src/store/store.ts";
import { editInput, emptyInput, inputOf, insertText } from "../../../src/store/text-input.ts";
import { initialUi, reduceUi, type UiAction } from "../../../src/store/ui.ts";

const after = (...actions: readonly UiAction[]) => actions.reduce(reduceUi, initialUi);

it("remembers which pane stands beside the containers", () => {
  const ui = after({ type: "focus", pane: "stats" }, { type: "focus", pane: "containers" });
  expect([ui.focus, ui.tab]).toEqual(["containers", "stats"]);
});

it("shows the layers of what was moved in last", () => {
  const ui = after({ type: "select", pane: "images", selection: { id: "i", index: 2 } });
  expect(ui.layersOf).toBe("images");
  expect(reduceUi(ui, { type: "focus", pane: "layers" }).layersOf).toBe("images");
  expect(reduceUi(ui, { type: "focus", pane: "containers" }).layersOf).toBe("containers");
});

it("marks and unmarks", () => {
  const ui = after({ type: "mark", pane: "containers", id: "a" }, { type: "mark", pane: "containers", id: "b" });
  expect(ui.marks.containers).toEqual(["a", "b"]);
  expect(reduceUi(ui, { type: "mark", pane: "containers", id: "a" }).marks.containers).toEqual(["b"]);
  expect(reduceUi(ui, { type: "unmark", pane: "containers", ids: ["x"] })).toBe(ui);
});

it("tells listeners once for several actions, and not at all where nothing changed", () => {
  const store = createStore(reduceUi, initialUi);
  let told = 0;
  store.subscribe(() => {
    told += 1;
  });
  store.dispatchAll([
    { type: "fullscreen", on: true },
    { type: "mark", pane: "images", id: "x" },
  ]);
  store.dispatch({ type: "flash", flash: null });
  expect(told).toBe(1);
});

it("edits a line by graphemes", () => {
  const typed = insertText(inputOf("a👨‍👩‍👧"), "b\nc");
  expect(typed).toEqual({ value: "a👨‍👩‍👧b c", cursor: 5 });
  expect(editInput(inputOf("a👨‍👩‍👧"), "backspace")).toEqual({ value: "a", cursor: 1 });
  expect(editInput(inputOf("one two"), "ctrl+w")).toEqual({ value: "one ", cursor: 4 });
  expect(editInput({ value: "abc", cursor: 1 }, "ctrl+k")).toEqual({ value: "a", cursor: 1 });
  expect(editInput({ value: "abc", cursor: 1 }, "delete")).toEqual({ value: "ac", cursor: 1 });
  expect(editInput(emptyInput, "x")).toBeNull();
});
