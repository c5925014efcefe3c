import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { EventBus } from "../../../engine/events/event-bus.ts";
import { EventHistory } from "../../../engine/events/event-history.ts";

function historyPath(): string {
  const directory = mkdtempSync(join(tmpdir(), "gantry-events-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, "events.log");
}

const actionsOf = (bus: EventBus) => bus.since(0n).map(({ action }) => action);
const publish = (bus: EventBus, action: string) => bus.publish({ type: "container", action, id: "c1" });

it("gives a later engine what earlier ones told, in order", async () => {
  const path = historyPath();
  for (const action of ["create", "start"]) {
    await using history = new EventHistory(path);
    publish(new EventBus(history), action);
  }
  await using history = new EventHistory(path);
  const bus = new EventBus(history);
  publish(bus, "die");
  expect(actionsOf(bus)).toEqual(["create", "start", "die"]);
  const times = bus.since(0n).map(({ timeNano }) => BigInt(timeNano));
  expect(times).toEqual(times.toSorted((one, other) => (one < other ? -1 : 1)));
  expect(bus.since(times[1] ?? 0n)).toHaveLength(2);
});

it("keeps the last thousand, in two files that do not grow", async () => {
  const path = historyPath();
  for (let round = 0; round < 5; round++) {
    await using history = new EventHistory(path);
    const bus = new EventBus(history);
    for (let index = 0; index < 700; index++) publish(bus, `${round}:${index}`);
  }
  const lines = [path, `${path}.1`].map((file) => readFileSync(file, "utf8").split("\n").length - 1);
  expect(Math.max(...lines)).toBeLessThanOrEqual(1700);
  await using history = new EventHistory(path);
  const actions = actionsOf(new EventBus(history));
  expect(actions).toHaveLength(1000);
  expect(actions.at(-1)).toBe("4:699");
});

it("leaves out what was cut off, and what is no event", async () => {
  const path = historyPath();
  {
    await using history = new EventHistory(path);
    publish(new EventBus(history), "create");
  }
  appendFileSync(path, '{"timeNano":"x","type":"container"}\n[]\nnull\n{"type":"conta');
  {
    await using history = new EventHistory(path);
    const bus = new EventBus(history);
    expect(actionsOf(bus)).toEqual(["create"]);
    publish(bus, "start");
  }
  await using history = new EventHistory(path);
  expect(actionsOf(new EventBus(history))).toEqual(["create", "start"]);
});

it("goes on where it cannot write", async () => {
  const path = historyPath();
  writeFileSync(`${path}.file`, "");
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  await using history = new EventHistory(join(`${path}.file`, "events.log"));
  const bus = new EventBus(history);
  publish(bus, "create");
  expect((await warned).message).toMatch(/^events are not kept: /);
  expect(actionsOf(bus)).toEqual(["create"]);
});
