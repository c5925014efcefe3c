import { expect, it } from "vitest";
import { promptLine, windowOf } from "../../../src/app/prompt-line.ts";
import { emptyInput, inputOf } from "../../../src/store/text-input.ts";

const prompt = {
  kind: "line",
  label: "pull",
  command: "image.pull",
  targets: [],
  input: emptyInput,
  offer: "",
} as const;
const text = (line: { readonly spans: readonly { readonly text: string }[] }) =>
  line.spans.map((one) => one.text).join("");

it("says what the keys do, where there is room", () => {
  const line = text(promptLine({ ...prompt, input: inputOf("nginx") }, 80));
  expect(line).toMatch(/^ pull nginx +Enter pull {2}Tab search {2}Esc close $/);
  expect(line).toHaveLength(80);
  expect(text(promptLine({ ...prompt, offer: "busybox" }, 80))).toMatch(/^ pull busybox +Enter pull/);
  // Nothing to pull yet.
  expect(text(promptLine(prompt, 80))).not.toContain("Enter");
  expect(text(promptLine({ ...prompt, label: "save a-very-long-name-of-an-image to" }, 60))).not.toContain("Esc");
});

it("keeps the cursor in sight", () => {
  const long = inputOf("registry.example.com/a/very/long/name/of/an/image:1.2");
  expect(windowOf(long, 20)).toEqual({ value: "…me/of/an/image:1.2", cursor: 19 });
  expect(windowOf({ ...long, cursor: 0 }, 20)).toEqual({ ...long, cursor: 0 });
  expect(windowOf(inputOf("short"), 20)).toEqual(inputOf("short"));
  expect(text(promptLine({ ...prompt, input: long }, 60))).toMatch(/image:1\.2 +$/);
});
