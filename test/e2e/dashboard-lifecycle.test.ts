import { afterAll, beforeAll, expect, it } from "vitest";
import { emptyCreateRequest, unlimited } from "../../engine/protocol/defaults.ts";
import { closeOverlay, openDashboard, quiet, startContainer } from "../support/dashboard.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  const { id } = await engine.client.request("containers.create", {
    ...emptyCreateRequest(starterImage),
    name: "keeper",
    command: ["sh", "-c", quiet],
    resources: { ...unlimited, memory: 64 * 1024 ** 2 },
  });
  await engine.client.request("containers.start", { container: id });
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const container = async (name: string) =>
  (await engine.client.request("containers.list", { all: true })).find((one) => one.name === name);

it("changes limits while the container runs, and renames it", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● keeper +running/);
  await terminal.press("L");
  await terminal.waitFor(/Limits of keeper[\s\S]*Memory +64m/);
  terminal.type("\u0015128m\t\t0.5");
  await terminal.waitFor("$ gantry update --memory 128m --cpus 0.5 keeper");
  await terminal.press("enter");
  await terminal.waitFor("changed the limits of keeper");
  await terminal.waitFor(/of 128MiB/);
  await terminal.press("esc", "m");
  await terminal.waitFor("rename keeper to");
  terminal.type("\u0015holder");
  await terminal.press("enter");
  await terminal.waitFor(/● holder +running/);
  await terminal.press("m");
  terminal.type("\u0015keeper");
  await terminal.press("enter");
  await terminal.waitFor(/● keeper +running/);
});

it("counts down while a container is being stopped, and says why it died", async () => {
  await startContainer(engine, "deaf", "trap '' TERM; while :; do sleep 1; done");
  await using terminal = openDashboard(engine, { columns: 80, rows: 24 });
  await terminal.waitFor(/● deaf +running/);
  await terminal.press("g");
  void engine.client.request("containers.stop", { container: "deaf", timeout: 3 });
  await terminal.waitFor(/● deaf +stopping 3s/);
  await terminal.waitFor(/● deaf +stopping 1s/);
  await terminal.waitFor(/○ deaf +exited 137 +killed by SIGKILL/);
  await terminal.press("/");
  terminal.type("deaf");
  await terminal.press("enter", "enter");
  await terminal.waitFor(/Exit code +137 {2}killed by SIGKILL/);
  await closeOverlay(terminal);
  await terminal.press("x");
  await terminal.waitFor(/Containers that do not run[\s\S]*deaf +gantry\/busybox[\s\S]*with 1 container/);
  await terminal.press("enter", "y");
  await terminal.waitFor("deleted 1 container");
  expect(await container("deaf")).toBeUndefined();
});

it("shows health with its last results, live", async () => {
  const test = ["CMD-SHELL", "test -e /ok || { printf 'no \\033[31mfile\\n'; exit 1; }"];
  const times = { interval: 1e9, timeout: 5e9, retries: 1, startPeriod: 0, startInterval: 0 };
  const { id } = await engine.client.request("containers.create", {
    ...emptyCreateRequest(starterImage),
    name: "asked",
    command: ["sh", "-c", quiet],
    healthcheck: { test, ...times },
  });
  await engine.client.request("containers.start", { container: id });
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● asked +unhealthy/, 15_000);
  await terminal.press("g", "enter");
  await terminal.waitFor(/Health\s+│[\s\S]*unhealthy[\s\S]*exit 1 in \d+ ms {2}no file/);
  const exec = { container: id, command: ["touch", "/ok"], terminal: false, openStdin: false, environment: [] };
  await engine.client.request("containers.exec", { ...exec, privileged: false });
  await terminal.waitFor(/State +running {2}healthy[\s\S]*passed in \d+ ms/, 15_000);
  await engine.client.request("containers.remove", { container: id, force: true, volumes: false });
});
