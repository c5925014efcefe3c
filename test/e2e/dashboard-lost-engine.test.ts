import { expect, it } from "vitest";
import { openDashboard, quiet, startContainer } from "../support/dashboard.ts";
import { startTestEngine } from "../support/engine.ts";

it("greys the screen while the engine is lost, brings it back, and goes on by itself", async () => {
  await using engine = await startTestEngine();
  await startContainer(engine, "survivor", quiet);
  await using terminal = openDashboard(engine);
  const alive = await terminal.waitFor(/● survivor +running/);
  const row = alive.split("\n").findIndex((text) => text.includes("survivor"));
  const column = alive.split("\n")[row]?.indexOf("●") ?? 0;
  const green = terminal.colorAt(column, row);
  // A stopped process keeps its lock and its socket: nobody can start another engine meanwhile.
  process.kill(engine.pid, "SIGKILL");
  await terminal.waitFor(/engine lost \d+s ago, retrying/);
  expect(terminal.text()).toMatch(/● survivor +running/);
  expect(terminal.colorAt(column, row)).not.toBe(green);
  await terminal.waitFor((text) => !text.includes("engine lost"), 20_000);
  await terminal.waitFor("1 running");
  expect(terminal.colorAt(column, row)).toBe(green);
  await terminal.press("s");
  await terminal.waitFor(/○ survivor +exited/);
});

it("leaves an engine alone that was stopped, until it is asked for", async () => {
  await using engine = await startTestEngine();
  await startContainer(engine, "sleeper", quiet);
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● sleeper +running/);
  process.kill(engine.pid, "SIGTERM");
  await terminal.waitFor(/engine stopped [3-9]s ago/);
  expect(terminal.text()).toMatch(/the engine was stopped; containers go on running +R start it/);
  await terminal.press("s");
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(terminal.text()).toMatch(/R start it/);
  await terminal.press("R");
  await terminal.waitFor((text) => text.includes("1 running") && !text.includes("stopped; containers"), 20_000);
  await terminal.press("s");
  await terminal.waitFor(/○ sleeper +exited/);
});
