import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openDashboard } from "../support/dashboard.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  directory = mkdtempSync("/tmp/gantry-test-");
}, 60_000);

beforeEach(() => writeFileSync(join(directory, "a.txt"), "content\n"));

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

function write(...lines: string[]): void {
  writeFileSync(join(directory, "Dockerfile"), `FROM ${starterImage}\n${lines.join("\n")}\n`);
}

/** Fills the form for a new build in, and begins it. */
async function begin(terminal: ReturnType<typeof openDashboard>, name: string): Promise<void> {
  await terminal.press("B");
  await terminal.waitFor("Builds");
  await terminal.press("n");
  await terminal.waitFor("Build an image");
  terminal.type("\u0015");
  terminal.type(directory);
  await terminal.press("tab", "tab");
  terminal.type(name);
  await terminal.waitFor(`$ gantry build -t ${name} ${directory}`);
  await terminal.press("enter");
}

it("builds an image, shows its steps with their layers, and what they have written", async () => {
  write("COPY a.txt /a.txt", "RUN echo first; cat /a.txt; echo last");
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await terminal.waitFor("No containers yet");
  await begin(terminal, "web:1");
  await terminal.waitFor(/web:1 done +3\/3 steps/);
  await terminal.waitFor(/done +stage-0 2\/3 +COPY a\.txt \/a\.txt +8B/);
  // The cursor is on the last step; up to the command that has written something.
  await terminal.press("k");
  await terminal.waitFor(/── RUN echo first[\s\S]*first\s[\s\S]*content[\s\S]*last/);
  await terminal.press("enter");
  await terminal.waitFor((text) => text.includes("content") && !text.includes("INSTRUCTION"));
  await terminal.press("esc", "esc");
  await terminal.waitFor(/┃ done +web:1 +3\/3/);
  // Once more: all from the cache, and a second row.
  await terminal.press("r");
  await terminal.waitFor(/cached +stage-0 3\/3 +RUN echo first/);
  await terminal.press("esc");
  await terminal.waitFor(/Builds 2[\s\S]*2 +\d/);
  expect((await engine.client.request("images.list", {})).flatMap(({ references }) => references)).toContain("web:1");
}, 60_000);

it("shows why a step failed, and opens a shell where it did", async () => {
  write("RUN echo evidence > /left; echo no such thing >&2; exit 3", "RUN echo never");
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await begin(terminal, "bad");
  await terminal.waitFor(/bad failed/);
  await terminal.waitFor(/┃ failed[\s\S]*no such thing[\s\S]*exit code: 3/);
  await terminal.press("e");
  await terminal.waitFor("shell in the failed step of bad - exit or Ctrl-D goes back");
  terminal.type("cat /left\r");
  await terminal.waitFor(/cat \/left\s+evidence/);
  terminal.type("exit\r");
  await terminal.waitFor("shell in the failed step of bad ended");
  // Neither the container of the shell stays, nor its image.
  await terminal.waitFor(/0 running {2}0 stopped/);
  const images = async () =>
    (await engine.client.request("images.list", {})).map(({ references }) => references.length);
  await expect.poll(images).not.toContain(0);
}, 60_000);

it("cancels a build after a question, and forgets it", async () => {
  write("RUN echo waits; sleep 600");
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await begin(terminal, "long");
  await terminal.waitFor(/┃ running[\s\S]*waits/);
  await terminal.press("x");
  await terminal.waitFor("cancel the build of long?");
  await terminal.press("y");
  await terminal.waitFor(/long cancelled/);
  await terminal.press("d");
  await terminal.waitFor("forget the build of long?");
  await terminal.press("y");
  await terminal.waitFor((text) => !/cancelled +long/.test(text));
  expect((await engine.client.request("builds.list", {})).map(({ name }) => name)).not.toContain("long");
}, 60_000);
