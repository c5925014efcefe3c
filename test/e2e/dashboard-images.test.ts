import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openDashboard } from "../support/dashboard.ts";
import { createContainer, eventually, starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { putLayers } from "../support/images-registry.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";
import type { TestTerminal } from "../support/terminal.ts";

const starter = `${starterImage}:latest`;
let engine: TestEngine;
let registry: TestRegistry;
/** The same registry, but passwords are asked for. */
let guarded: TestRegistry;
let proxy: FaultProxy;
let home: TempRoot;

beforeAll(async () => {
  home = await tempRoot();
  [engine, registry] = await Promise.all([startTestEngine(), startRegistry()]);
  guarded = await startRegistry({ auth: "basic", storage: registry.storage });
  proxy = await FaultProxy.start(registry.url);
  const layer = (name: string, size: number) => [[name, randomBytes(size)]] as const;
  await putLayers(registry, "team/web:1", [layer("small", 10_000), layer("large", 3_000_000)]);
  await putLayers(registry, "team/other:1", [layer("other", 20_000)]);
  const auth = Buffer.from("ann:open sesame").toString("base64");
  writeFileSync(home.join("config.json"), JSON.stringify({ auths: { [guarded.address]: { auth } } }));
}, 60_000);

afterAll(async () => {
  for (const part of [proxy, guarded, registry, engine, home]) await part?.[Symbol.asyncDispose]();
}, 60_000);

beforeEach(async () => {
  proxy.fault = () => null;
  for (const name of await references()) {
    if (name !== starter) await engine.client.request("images.remove", { image: name, force: false });
  }
  await engine.client.request("images.prune", { all: false, until: null, labels: [], dryRun: false });
});

async function openImages(flags: readonly string[] = []): Promise<TestTerminal> {
  const terminal = openDashboard(engine, { flags, environment: { DOCKER_CONFIG: home.path } });
  await terminal.waitFor(/gantry\/busybox:latest +\d/);
  await terminal.press("2");
  return terminal;
}

/** The large layer stops somewhere in its middle. */
function stall(): void {
  proxy.fault = ({ method, url }) =>
    method === "GET" && url.includes("/blobs/") ? { type: "hang", after: 1_000_000 } : null;
}

const anonymously = (reference: string) => ({
  reference,
  allTags: false,
  platform: null,
  credentials: null,
  verifyKeys: [],
});

const references = async () =>
  (await engine.client.request("images.list", {})).flatMap((image) => image.references).toSorted();

it("pulls, from a registry that wants the user's password as well, and says why where it cannot", async () => {
  await using terminal = await openImages();
  await terminal.press("u");
  terminal.type(`${guarded.address}/team/web:1`);
  await terminal.press("enter");
  await terminal.waitFor(`pulled ${guarded.address}/team/web:1`);
  await terminal.waitFor(/team\/web:1 +3\.\d+MB/);
  await terminal.press("u");
  terminal.type(`${registry.address}/team/none:1`);
  await terminal.press("enter");
  // Where one row is too short for it the hint stands in the next.
  await terminal.waitFor(/team\/none:1: the registry has no such image\s+→ check the name and the tag/);
  await terminal.press("j", "u");
  await terminal.waitFor(/^ pull \S+ +Enter pull {2}Tab search/m);
  await terminal.press("esc");
});

it("finds an image by a search and pulls it", async () => {
  await using terminal = await openImages();
  await terminal.press("u");
  terminal.type(`${registry.address}/we`);
  await terminal.press("tab");
  await terminal.waitFor(`┃ ${registry.address}/team/web`);
  await terminal.press("enter");
  await terminal.waitFor(`pull ${registry.address}/team/web `);
  terminal.type(":1");
  await terminal.press("enter");
  await terminal.waitFor(`pulled ${registry.address}/team/web:1`);
});

it("shows the layers of anyone's pull, hides and shows it again, cancels it, and goes on where it ended", async () => {
  await using terminal = await openImages();
  stall();
  const reference = `${proxy.address}/team/web:1`;
  const pulling = engine.client.request("images.pull", anonymously(reference));
  const ended = expect(pulling).rejects.toMatchObject({ code: "cancelled" });
  await terminal.waitFor(/↓ pull \S+\/team\/web:1/);
  await terminal.press("W");
  await terminal.waitFor(/┃ pull \S+\/team\/web:1 +downloading/);
  await terminal.waitFor(/[0-9a-f]{12} +downloading +█+\S* +1MB\/3MB/);
  await terminal.waitFor(/[0-9a-f]{12} +done/);
  await terminal.press("esc");
  await terminal.waitFor((text) => !text.includes("Esc close"));
  expect(terminal.text()).toMatch(/↓ pull/);
  await terminal.press("W", "x");
  await terminal.waitFor(/cancel pull \S+\? +y yes/);
  await terminal.press("y");
  await terminal.waitFor("nothing is under way");
  await ended;
  proxy.fault = () => null;
  await terminal.press("esc", "u");
  terminal.type(reference);
  await terminal.press("enter");
  await terminal.waitFor(`pulled ${reference}`);
});

it("asks before it quits during a pull of its own, and ends it", async () => {
  await using terminal = await openImages();
  stall();
  await terminal.press("u");
  terminal.type(`${proxy.address}/team/web:1`);
  await terminal.press("enter");
  await terminal.waitFor(/↓ pull/);
  await terminal.press("q");
  await terminal.waitFor(/quit, which ends pull \S+\?/);
  await terminal.press("y");
  expect(await terminal.exited).toBe(0);
  await eventually(async () => (await references()).length === 1);
});

it("tags and pushes, and refuses to push what is nobody's", async () => {
  await using terminal = await openImages();
  const name = `${guarded.address}/mine/busy:2`;
  await terminal.press("t", "\u0015");
  terminal.type("busy:1");
  await terminal.press("enter");
  await terminal.waitFor("is busy:1 as well");
  await terminal.press("t", "\u0015");
  terminal.type(name);
  await terminal.press("enter");
  await terminal.waitFor(`is ${name} as well`);
  expect(await references()).toEqual([name, "busy:1", starter].toSorted());
  await terminal.waitFor(/busy:2 \+2/);
  await terminal.press("P");
  await terminal.waitFor("Tab next name");
  await terminal.press("\u0015");
  terminal.type(name);
  await terminal.press("enter");
  await terminal.waitFor(`push mine/busy:2 to ${guarded.address}?`);
  await terminal.press("y");
  await terminal.waitFor(`pushed ${name}`);
  expect(await registry.findManifest("mine/busy", "2")).not.toBeNull();
});

it("saves to a file that appears whole, and asks before it replaces one", async () => {
  await using terminal = await openImages();
  const directory = home.join("saved");
  mkdirSync(directory);
  await terminal.press("S", "\u0015");
  terminal.type(`${directory}/busy.tar`);
  await terminal.press("enter");
  await terminal.waitFor(/saved gantry\/busybox:latest, \d/);
  expect(statSync(`${directory}/busy.tar`)).toMatchObject({ mode: 0o100600 });
  expect(readdirSync(directory)).toEqual(["busy.tar"]);
  await terminal.press("S", "\u0015");
  terminal.type(`${directory}/busy.tar`);
  await terminal.press("enter");
  await terminal.waitFor(/replace \S+busy\.tar \(\d\S+\)\?/);
  await terminal.press("n", "S", "\u0015");
  terminal.type(`${directory}/none/busy.tar`);
  await terminal.press("enter");
  await terminal.waitFor(/directory \S+none does not exist/);
  expect(existsSync(`${directory}/none`)).toBe(false);
});

it("prunes what its preview listed, and nothing else", async () => {
  const container = await createContainer(engine, { command: ["true"] });
  await engine.client.request("images.pull", anonymously(`${registry.address}/team/web:1`));
  await using terminal = await openImages();
  await terminal.press("x");
  await terminal.waitFor("nothing would go");
  await terminal.press("a");
  await terminal.waitFor(/team\/web:1 +[0-9a-f]{12} +\w+ +6\.\d+MB/);
  await engine.client.request("images.pull", anonymously(`${registry.address}/team/other:1`));
  await terminal.press("enter");
  await terminal.waitFor(/delete 1 image and free \d\S+\?/);
  await terminal.press("y");
  await terminal.waitFor("other images would go by now");
  expect(await references()).toHaveLength(3);
  await terminal.waitFor(/team\/other:1 +[0-9a-f]{12}/);
  await terminal.press("enter");
  await terminal.waitFor(/delete 2 images and free \d\S+\?/);
  await terminal.press("y");
  await terminal.waitFor(/deleted 2 images, freed \d/);
  expect(await references()).toEqual([starter]);
  await engine.client.request("containers.remove", { container, force: true, volumes: false });
});

it("shows a page about an image, and the JSON behind it", async () => {
  await using terminal = await openImages();
  await terminal.press("enter");
  await terminal.waitFor(/Names +gantry\/busybox:latest[\s\S]*History, newest first/);
  await terminal.press("J");
  await terminal.waitFor(/RepoTags: \[/);
  await terminal.press("J");
  await terminal.waitFor("History, newest first");
});

it("changes nothing with --read-only", async () => {
  await using terminal = await openImages(["--read-only"]);
  await terminal.press("u", "P", "t", "x");
  await terminal.press("W");
  await terminal.waitFor("nothing is under way");
  expect(terminal.text()).not.toMatch(/^ (pull|push|tag)/m);
  expect(terminal.text()).not.toContain("Prune");
});
