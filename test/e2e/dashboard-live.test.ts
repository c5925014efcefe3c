import { afterAll, beforeAll, expect, it } from "vitest";
import { openDashboard, quiet, startContainer, talkative } from "../support/dashboard.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await startContainer(engine, "talker", talkative);
  await startContainer(engine, "sleeper", quiet);
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

it("shows every pane live", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor("2 running");
  await terminal.waitFor(/● talker +running/);
  await terminal.waitFor(/gantry\/busybox:latest +\d/);
  await terminal.waitFor(/made from the host's static/);
  const before = /line (\d+) of the log/.exec(await terminal.waitFor("CPU %"));
  expect(before).toBeNull();
  await terminal.press("j");
  const first = await terminal.waitFor(/line \d+ of the log/);
  const newest = Math.max(...[...first.matchAll(/line (\d+) of/g)].map((match) => Number(match[1])));
  await terminal.waitFor(`line ${newest + 5} of the log`);
  await terminal.waitFor(/talker +running +\d+\.\d%/);
});

it("follows the size of the terminal from the smallest to a huge one", async () => {
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await terminal.waitFor("2 running");
  expect(terminal.text()).toMatch(/2 Images {2}3 Layers {2}4 Logs {2}5 Stats/);
  for (const [columns, rows] of [
    [60, 15],
    [200, 60],
    [300, 100],
    [120, 40],
    [80, 24],
  ] as const) {
    await terminal.resize(columns, rows);
    await terminal.waitFor((text) => text.split("\n").at(-1)?.includes("q quit") ?? false);
    await terminal.waitFor((text) => text.startsWith(" gantry "));
    for (const row of terminal.rows().slice(1, 4)) expect([...row].length).toBeLessThanOrEqual(columns);
    expect(terminal.rows()[1]).toMatch(/^╭─ 1 Containers 2 .*╮$/);
    expect([...(terminal.rows()[1] ?? "")]).toHaveLength(columns);
  }
  await terminal.resize(50, 10);
  await terminal.waitFor("60x15 is needed");
  await terminal.resize(80, 24);
  await terminal.waitFor(/● sleeper +running/);
});

it("writes nothing to the terminal while nothing changes", async () => {
  await using empty = await startTestEngine();
  await using terminal = openDashboard(empty);
  await terminal.waitFor("No containers yet");
  await terminal.waitFor("q quit");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const before = terminal.output().length;
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(terminal.output().length - before).toBe(0);
  expect(terminal.text()).toContain("gantry demo");
});

it("is drawn without colours, and with ASCII alone, where that is all there is", async () => {
  await using plain = openDashboard(engine, { environment: { NO_COLOR: "1" } });
  await plain.waitFor(/talker +running/);
  expect(plain.output().toString("latin1")).not.toMatch(/\u001b\[[\d;]*(?:3[0-7]|38|48|9[0-7])[;m]/);
  await using ascii = openDashboard(engine, {
    environment: { LANG: "en_US.ISO-8859-1", COLORTERM: "", TERM: "xterm" },
  });
  await ascii.waitFor(/\* talker +running/);
  expect(ascii.text()).toMatch(/\+- 1 Containers 2 -+\+/);
  expect(ascii.text()).toMatch(/^[\x00-\x7f]*$/);
});
