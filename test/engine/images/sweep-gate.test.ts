import { expect, it } from "vitest";
import { SweepGate } from "../../../engine/images/sweep-gate.ts";

function recorder() {
  const said: string[] = [];
  const sweep = async (): Promise<void> => {
    said.push("sweep begins");
    await new Promise((resolve) => setTimeout(resolve, 5));
    said.push("sweep ends");
  };
  return { said, gate: new SweepGate(sweep) };
}

it("sweeps at once when nobody makes anything", async () => {
  const { said, gate } = recorder();
  await gate.request();
  expect(said).toEqual(["sweep begins", "sweep ends"]);
});

it("puts a sweep off until the last work has ended", async () => {
  const { said, gate } = recorder();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const works = [gate.hold(() => first.promise), gate.hold(() => second.promise)];
  await gate.request();
  first.resolve();
  await works[0];
  expect(said).toEqual([]);
  second.resolve();
  await works[1];
  expect(said).toEqual(["sweep begins", "sweep ends"]);
});

it("lets a work wait for the sweep under way", async () => {
  const { said, gate } = recorder();
  const sweeping = gate.request();
  await gate.hold(async () => {
    said.push("work");
  });
  await sweeping;
  expect(said).toEqual(["sweep begins", "sweep ends", "work"]);
});

it("sweeps after a failed work, before its failure is told", async () => {
  const { said, gate } = recorder();
  await expect(gate.hold(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(said).toEqual(["sweep begins", "sweep ends"]);
});
