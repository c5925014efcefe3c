import { expect, it } from "vitest";
import { OutputTail, type OutputText, StepOutput } from "../../../engine/builder/step-output.ts";

function collect(write: (output: StepOutput) => void): OutputText[] {
  const told: OutputText[] = [];
  const output = new StepOutput((text) => told.push(text));
  write(output);
  output[Symbol.dispose]();
  return told;
}

it("joins what came of one stream, keeps characters whole and the order of the streams", () => {
  const euro = Buffer.from("€");
  const told = collect((output) => {
    output.write(1, Buffer.from("a"));
    output.write(1, euro.subarray(0, 1));
    output.write(2, Buffer.from("err\n"));
    output.write(1, euro.subarray(1));
  });
  expect(told).toEqual([
    { stream: 1, text: "a" },
    { stream: 2, text: "err\n" },
    { stream: 1, text: "€" },
  ]);
});

it("tells the end of a flood, how much it left out, and makes the writer wait", () => {
  let waits = 0;
  const told = collect((output) => {
    for (let count = 0; count < 200; count++) {
      if (output.write(1, Buffer.alloc(64 * 1024, "x")) !== undefined) waits++;
    }
    output.write(1, Buffer.from("the end"));
  });
  const text = told.map((each) => each.text).join("");
  expect(text.length).toBeLessThan(400_000);
  expect(text).toMatch(/^\[\d+ bytes of output left out\]\n/);
  expect(text.endsWith("the end")).toBe(true);
  expect(waits).toBeGreaterThan(0);
});

it("does not keep the caller's memory", () => {
  const bytes = Buffer.from("first");
  const told = collect((output) => {
    output.write(1, bytes);
    bytes.fill("x");
  });
  expect(told[0]?.text).toBe("first");
});

it("keeps the last MiB", () => {
  const tail = new OutputTail();
  for (let count = 0; count < 40; count++) tail.add({ stream: 1, text: `${count} `.repeat(30_000) });
  const length = tail.texts.reduce((sum, { text }) => sum + text.length, 0);
  expect(length).toBeGreaterThan(1024 * 1024);
  expect(length).toBeLessThan(1.3 * 1024 * 1024);
  expect(tail.texts.at(-1)?.text.startsWith("39 ")).toBe(true);
});
