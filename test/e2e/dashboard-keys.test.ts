import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { closeOverlay, openDashboard, quiet, startContainer, talkative } from "../support/dashboard.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

/** Each test finds the same two containers running. */
beforeEach(async () => {
  for (const { id } of await engine.client.request("containers.list", { all: true })) {
    await engine.client.request("containers.remove", { container: id, force: true, volumes: false });
  }
  await startContainer(engine, "alpha", talkative);
  await startContainer(engine, "beta", quiet);
}, 30_000);

const statusOf = async (name: string) =>
  (await engine.client.request("containers.list", { all: true })).find((container) => container.name === name)?.status;

it("stops, starts, restarts and pauses", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● alpha +running/);
  await terminal.press("s");
  await terminal.waitFor("stopped alpha");
  await terminal.waitFor(/○ alpha +exited/);
  expect(await statusOf("alpha")).toBe("exited");
  await terminal.press("s");
  await terminal.waitFor("started alpha");
  await terminal.waitFor(/● alpha +running/);
  await terminal.press("p");
  await terminal.waitFor(/● alpha +paused/);
  await terminal.press("p");
  await terminal.waitFor(/● alpha +running/);
  await terminal.press("r");
  await terminal.waitFor("restarted alpha");
  expect(await statusOf("alpha")).toBe("running");
});

it("asks before it kills and deletes, and names the object", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● beta +running/);
  await terminal.press("d");
  await terminal.waitFor("delete container alpha (it is running)?");
  await terminal.press("n");
  await terminal.waitFor((text) => !text.includes("delete container alpha"));
  expect(await statusOf("alpha")).toBe("running");
  await terminal.press("K");
  await terminal.waitFor("kill container alpha?");
  await terminal.press("y");
  await terminal.waitFor(/○ alpha +exited 137/);
  await terminal.press("d", "y");
  await terminal.waitFor((text) => !/[●○] alpha/.test(text));
  expect(await statusOf("alpha")).toBeUndefined();
});

it("acts on all that are marked", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● beta +running/);
  await terminal.press(" ", " ");
  await terminal.waitFor("2 marked");
  await terminal.press("s");
  await terminal.waitFor(/○ alpha +exited/);
  await terminal.waitFor(/○ beta +exited/);
  await terminal.press("esc");
  await terminal.waitFor((text) => !text.includes("marked"));
});

it("filters, and searches the logs", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● beta +running/);
  await terminal.press("/");
  terminal.type("bet");
  await terminal.waitFor("1 of 2");
  await terminal.press("enter");
  expect(terminal.text()).not.toMatch(/● alpha/);
  await terminal.press("esc");
  await terminal.waitFor(/● alpha/);
  await terminal.press("l", "/");
  terminal.type("line 7 of");
  await terminal.press("enter");
  await terminal.waitFor("line 7 of the log", 20_000);
  await terminal.waitFor((text) => !text.includes("line 8 of the log"));
  await terminal.press("esc");
  // Whichever are the newest by now.
  await terminal.waitFor(/line (?!7 )\d+ of the log.*\n.*line (?!7 )\d+ of the log/);
});

it("shows help, palette, details and all themes", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● beta +running/);
  await terminal.press("?");
  await terminal.waitFor("Stop or start");
  await closeOverlay(terminal);
  await terminal.press(":");
  terminal.type("light");
  await terminal.waitFor("Theme: light");
  await terminal.press("enter", "T");
  await terminal.waitFor("theme high-contrast");
  await terminal.press("enter");
  await terminal.waitFor("container alpha");
  await terminal.press("J");
  await terminal.waitFor('Name: "/alpha"');
  await closeOverlay(terminal);
  await terminal.press("3", "enter");
  await terminal.waitFor("what the container wrote");
});

it("makes a container from the form", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● beta +running/);
  await terminal.press("2", "n");
  await terminal.waitFor("New container of gantry/busybox");
  terminal.type("gamma");
  await terminal.press("tab");
  terminal.type("sh -c 'echo \"made by a form\"; sleep 1000'");
  await terminal.press("tab", "tab", "tab", "tab", "tab");
  terminal.type("much");
  await terminal.press("enter");
  await terminal.waitFor('invalid memory "much"');
  await terminal.press("\u0015");
  terminal.type("32m");
  await terminal.press("enter");
  await terminal.waitFor(/● gamma +running/);
  await terminal.waitFor("made by a form");
  await terminal.waitFor(/of 32MiB/);
  const [made] = (await engine.client.request("containers.list", { all: true })).filter(({ name }) => name === "gamma");
  expect(made?.resources.memory).toBe(32 * 1024 * 1024);
});

it("keeps the form open, and nothing else, where a container cannot be started", async () => {
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await terminal.waitFor(/● beta +running/);
  await terminal.press("n");
  terminal.type("delta");
  await terminal.press("tab");
  terminal.type("/no/such/program");
  await terminal.press("enter");
  await terminal.waitFor("found in the container");
  expect(terminal.text()).toContain("New container of gantry/busybox");
  expect(terminal.text()).toMatch(/Enter create and start +Esc close/);
  const names = (await engine.client.request("containers.list", { all: true })).map(({ name }) => name);
  expect(names).not.toContain("delta");
});

it("copies a name through the terminal", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● alpha +running/);
  await terminal.press("c");
  await terminal.waitFor("copied alpha");
  const sequence = `\u001b]52;c;${Buffer.from("alpha").toString("base64")}\u0007`;
  expect(terminal.output().includes(sequence)).toBe(true);
});

it("leaves out what changes anything when it is read-only", async () => {
  await using terminal = openDashboard(engine, { flags: ["--read-only"] });
  await terminal.waitFor(/● alpha +running/);
  expect(terminal.rows().at(-1)).not.toMatch(/stop|shell|delete|kill/);
  await terminal.press("s", "K", "y", "d", "y", "e", "r", "p");
  await terminal.press("?");
  const help = await terminal.waitFor("Show the logs");
  expect(help).not.toMatch(/Stop or start|Delete|Open a shell/);
  expect(await statusOf("alpha")).toBe("running");
});
