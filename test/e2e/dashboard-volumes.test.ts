import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { closeOverlay, openDashboard, quiet } from "../support/dashboard.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  const { id } = await engine.client.request("containers.create", {
    ...emptyCreateRequest(starterImage),
    name: "keeper",
    command: ["sh", "-c", quiet],
    mounts: [{ type: "volume", source: "data", target: "/data", readOnly: false, createSource: false, options: [] }],
  });
  await engine.client.request("containers.start", { container: id });
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

it("shows volumes live, with who uses them, and makes and deletes them", async () => {
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await terminal.waitFor(/● keeper +running/);
  await terminal.press("7");
  await terminal.waitFor(/┃ data +\S+ +1 /);
  await terminal.press("d");
  await terminal.waitFor("data is in use by keeper");
  await terminal.press("enter");
  await terminal.waitFor("● keeper  at /data");
  await terminal.press("J");
  await terminal.waitFor('Driver: "local"');
  await closeOverlay(terminal);
  await terminal.press("n");
  terminal.type("spare");
  await terminal.waitFor("$ gantry volume create spare");
  await terminal.press("enter");
  await terminal.waitFor("made volume spare");
  await terminal.waitFor(/┃ spare /);
  // What another client does is seen as well.
  await engine.client.request("volumes.create", { name: "others", driver: "local", options: {}, labels: {} });
  await terminal.waitFor(/7 Volumes 3[\s\S]* others /);
  await terminal.press("d");
  await terminal.waitFor("delete volume spare and all its data?");
  await terminal.press("y");
  await terminal.waitFor("deleted spare");
  await terminal.press("x", "a");
  await terminal.waitFor(/All volumes that no container names[\s\S]*others[\s\S]*with 1 volume/);
  await terminal.press("enter");
  await terminal.waitFor("delete 1 volume and free 0B?");
  await terminal.press("y");
  await terminal.waitFor("deleted 1 volume, freed 0B");
  expect((await engine.client.request("volumes.list", {})).map(({ name }) => name)).toEqual(["data"]);
  await terminal.waitFor(/7 Volumes 1[\s\S]*┃ data /);
  await terminal.press("u");
  await terminal.waitFor("/volume=data 1 of 1");
});

it("shows what happened and what happens, filtered", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● keeper +running/);
  await terminal.press("E");
  await terminal.waitFor(/Events \d+[\s\S]*container +start +keeper/);
  await engine.client.request("containers.pause", { container: "keeper" });
  await terminal.waitFor(/container +pause +keeper/);
  await terminal.press("/");
  terminal.type("unpause");
  await terminal.waitFor((text) => !/ start +keeper/.test(text));
  await engine.client.request("containers.unpause", { container: "keeper" });
  await terminal.waitFor(/Events 1 [\s\S]*container +unpause +keeper/);
  await terminal.press("enter", "esc");
  await terminal.waitFor(/container +pause +keeper/);
});

it("writes nothing to the terminal while nothing changes, however much there is", async () => {
  await using full = await startTestEngine();
  for (let number = 1; number <= 20; number += 1) {
    await full.client.request("containers.create", { ...emptyCreateRequest(starterImage), name: `idle-${number}` });
  }
  await using terminal = openDashboard(full, { columns: 200, rows: 60 });
  await terminal.waitFor(/idle-20/);
  await terminal.waitFor("q quit");
  await sleep(1_500);
  const before = terminal.output().length;
  await sleep(2_500);
  expect(terminal.output().length - before).toBe(0);
});
