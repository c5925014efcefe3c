import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { openDashboard, startContainer } from "../support/dashboard.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import type { TestTerminal } from "../support/terminal.ts";

let engine: TestEngine;
let directory: string;

/** What the second layer of the image brings, changes and takes away. */
const script = [
  "mkdir -p /data/many /data/deep/er",
  "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i of 2000; done > /data/lines.txt",
  "i=0; while [ $i -lt 450 ]; do i=$((i+1)); : > /data/many/$(printf %04d $i); done",
  "head -c 300000 /dev/zero > /data/big.bin",
  "{ printf 'a\\033]0;taken\\007b\\033[2Jc\\n'; seq 100; } > /data/evil.txt",
  "touch \"/data/$(printf 'e\\033]0;taken\\007vil')\"",
  "echo changed >> /etc/passwd",
  "rm /bin/vi",
].join("; ");

beforeAll(async () => {
  directory = await mkdtemp("/tmp/gantry-test-files-");
  engine = await startTestEngine();
  const maker = await startContainer(engine, "maker", script);
  await engine.client.request("containers.wait", { container: maker, condition: "stopped" });
  const commit = { container: maker, reference: "made:1", author: "", message: "", changes: [], pause: true };
  await engine.client.request("containers.commit", commit);
  await engine.client.request("containers.remove", { container: maker, force: true, volumes: false });
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
}, 60_000);

/** The tree of the image made above, all layers. */
async function openTree(terminal: TestTerminal): Promise<void> {
  await terminal.waitFor(/\d images/);
  await terminal.press("2", "G", "b");
  await terminal.waitFor("Files of made:1");
  await terminal.waitFor(/\+ .* data\//);
}

async function filter(terminal: TestTerminal, text: string): Promise<void> {
  await terminal.press("/");
  terminal.type(text);
  await terminal.press("enter");
  await terminal.waitFor(`/${text}`);
}

it("shows trees of layers and of their sums, with what changed", async () => {
  await using terminal = openDashboard(engine);
  await openTree(terminal);
  expect(terminal.text()).toMatch(/all 2 layers/);
  expect(terminal.text()).toMatch(/~ +drwxr-xr-x .* etc\//);
  await terminal.press("v");
  await terminal.waitFor("layer 2 of 2 alone");
  await terminal.waitFor((text) => !/ root\//.test(text));
  await terminal.press("[");
  await terminal.waitFor("layer 1 of 2 alone");
  await terminal.waitFor((text) => / root\//.test(text) && !/ data\//.test(text));
  await terminal.press("]", "v");
  await terminal.waitFor("all 2 layers");
  await terminal.press("u");
  await terminal.waitFor("only changed");
  await terminal.waitFor(/- +\S+ .* bin\/vi/);
  await terminal.waitFor("1-32/462");
  await terminal.press("esc", "m");
  await terminal.waitFor("from 100kB");
  await terminal.waitFor("data/big.bin");
  expect(terminal.text()).not.toContain("lines.txt");
  await terminal.press("esc", "w");
  await terminal.waitFor(/Efficiency +█+╌* +\d/);
  await terminal.waitFor(/158B .* 2 {2}\/etc\/passwd/);
  await terminal.press("esc");
  await terminal.waitFor("Files of made:1");
  await terminal.press("q");
  await terminal.waitFor("2 Images");
});

it("goes through long directories by pages, in and out", async () => {
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await openTree(terminal);
  await filter(terminal, "data/many");
  await terminal.waitFor(/┃ +\+ .* data\/many\//);
  await terminal.press("enter");
  await terminal.waitFor(/│ \/data\/many .*\/data\/many/);
  await terminal.press("esc");
  await terminal.waitFor(/1-16\/450/);
  await terminal.press("G");
  await terminal.waitFor(/┃ +\+ .* 0450/);
  await terminal.press("pageup", "k");
  await terminal.waitFor(/┃ +\+ .* 0434/);
  await terminal.press("g");
  await terminal.waitFor(/┃ +\+ .* 0001/);
});

it("shows a file as text or bytes, extracts it and copies its path", async () => {
  await using terminal = openDashboard(engine);
  await openTree(terminal);
  await filter(terminal, "lines.txt");
  await terminal.waitFor("data/lines.txt");
  await terminal.press("c");
  await terminal.waitFor("copied /data/lines.txt");
  const osc = `\u001b]52;c;${Buffer.from("/data/lines.txt").toString("base64")}\u0007`;
  expect(terminal.output().toString("latin1")).toContain(osc);
  await terminal.press("enter");
  await terminal.waitFor("line 1 of 2000");
  await terminal.press("G");
  await terminal.waitFor("line 2000 of 2000");
  await terminal.press("k");
  await terminal.waitFor((text) => !text.includes("line 2000 of"));
  await terminal.press("g", "x");
  await terminal.waitFor("00000000  6c 69 6e 65 20 31 20 6f");
  await terminal.press("E");
  await terminal.waitFor("extract /data/lines.txt to");
  await terminal.press("\u0015");
  terminal.type(directory);
  await terminal.press("enter");
  await terminal.waitFor("extracted /data/lines.txt");
  expect(await readFile(join(directory, "lines.txt"), "utf8")).toMatch(/^line 1 of 2000\n[\s\S]*line 2000 of 2000\n$/);
  await terminal.press("esc");
  await terminal.waitFor("Files of made:1");
});

it("extracts a directory to a name of its own, with its progress and twin", async () => {
  await using terminal = openDashboard(engine, { columns: 160 });
  await openTree(terminal);
  await filter(terminal, "data");
  await terminal.waitFor(/┃ +\+ .* data\//);
  await terminal.press("E", "\u0015");
  terminal.type(join(directory, "copy"));
  await terminal.press("enter");
  await terminal.waitFor("extracted /data");
  expect(terminal.text()).toContain("$ gantry layers -o - --up-to 1 made:1 /data | tar -x");
  expect((await readFile(join(directory, "copy", "big.bin"))).length).toBe(300_000);
});

it("lets nothing of a name or of a file act on the terminal", async () => {
  await using terminal = openDashboard(engine);
  const titles: string[] = [];
  terminal.onTitle((title) => titles.push(title));
  await openTree(terminal);
  await filter(terminal, "data/e");
  await terminal.waitFor(/data\/evil *│/);
  await terminal.waitFor("data/evil.txt");
  await terminal.press("G", "enter");
  await terminal.waitFor("/data/evil.txt");
  await terminal.waitFor(/ abc *│/);
  await terminal.press("q");
  await terminal.waitFor("Files of made:1");
  const output = terminal.output().toString("latin1");
  expect(output).not.toContain("\u001b]0");
  expect(output).not.toContain("\u001b[2J");
  expect(titles).toEqual([]);
});

it("follows what a running container writes, and makes an image of it", async () => {
  const id = await startContainer(
    engine,
    "writer",
    "while :; do head -c 50000 /dev/zero >> /grows; usleep 200000; done",
  );
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● writer +running/);
  await terminal.press("b");
  await terminal.waitFor("what the container wrote");
  await terminal.waitFor(/\+[\d.]+kB\/s +grows/);
  await terminal.waitFor(/[\d.]+[kM]B {2}\+[\d.]+kB\/s/);
  await terminal.press("C");
  await terminal.waitFor("New image of writer");
  terminal.type("written:1");
  await terminal.press("tab");
  terminal.type("as it was");
  await terminal.press("enter");
  await terminal.waitFor("made image written:1 of writer");
  const images = await engine.client.request("images.list", {});
  expect(images.flatMap(({ references }) => references)).toContain("written:1");
  await engine.client.request("containers.remove", { container: id, force: true, volumes: false });
  await engine.client.request("images.remove", { image: "written:1", force: false });
});

it("writes nothing to the terminal while nothing is written in the container", async () => {
  const { id } = await engine.client.request("containers.create", {
    ...emptyCreateRequest("made:1"),
    name: "sleeper",
    command: ["sleep", "1000"],
  });
  await engine.client.request("containers.start", { container: id });
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● sleeper +running/);
  await terminal.press("b");
  await terminal.waitFor(/0B {2}still/);
  // Its age and the host's memory may change once in a while.
  let isQuiet = false;
  for (let tries = 0; tries < 6 && !isQuiet; tries += 1) {
    const before = terminal.output().length;
    await sleep(1_400);
    isQuiet = terminal.output().length === before;
  }
  expect(isQuiet).toBe(true);
  await engine.client.request("containers.exec", {
    container: id,
    command: ["sh", "-c", "echo new > /fresh.txt"],
    terminal: false,
    openStdin: false,
    privileged: false,
    environment: [],
    rows: 24,
    columns: 80,
    streamID: (await engine.client.openStream(randomUUID())).streamID,
  });
  await terminal.waitFor(/\+ .* fresh\.txt/);
  await engine.client.request("containers.remove", { container: id, force: true, volumes: false });
});

it("compares two images, and makes none of a container with --read-only", async () => {
  await using terminal = openDashboard(engine, { flags: ["--read-only"], columns: 80, rows: 50 });
  await terminal.waitFor(/\d stopped/);
  await terminal.press("2", " ", " ", "=");
  await terminal.waitFor(/Both +the same layers +1 layer/);
  await terminal.waitFor(/- +0B +\/bin\/vi/);
  await filter(terminal, "passwd");
  await terminal.waitFor(/~ +\S+B +\S+B +\/etc\/passwd/);
  await terminal.press("esc", "esc");
  await terminal.waitFor("2 Images");
  await terminal.press("b");
  await terminal.waitFor("Files of");
  await terminal.press("?");
  await terminal.waitFor("Extract to this host");
  expect(terminal.text()).not.toContain("Make an image of the container");
});
