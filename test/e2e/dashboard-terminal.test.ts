import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { openDashboard, openDashboardInShell, quiet, startContainer, talkative } from "../support/dashboard.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { TestTerminal } from "../support/terminal.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await startContainer(engine, "house", quiet);
}, 60_000);

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

it("lends the whole terminal to a shell and takes it back", async () => {
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● house +running/);
  for (const round of [1, 2]) {
    await terminal.press("e");
    await terminal.waitFor("/ #");
    expect(terminal.isAlternate).toBe(false);
    terminal.type(`echo round $((${round}*11)) $(stty size)\r`);
    await terminal.waitFor(`round ${round * 11} 40 120`);
    await terminal.resize(100, 30);
    terminal.type("stty size\r");
    await terminal.waitFor("30 100");
    terminal.type("\u0003");
    terminal.type("exit\r");
    await terminal.waitFor("shell in house ended");
    await terminal.waitFor(/● house +running/);
    expect(terminal.isAlternate).toBe(true);
    await terminal.resize(120, 40);
    await terminal.waitFor((text) => text.split("\n").at(-1)?.includes("q quit") ?? false);
  }
  await terminal.press("?");
  await terminal.waitFor("Stop or start");
});

it("attaches to the main process and leaves it running", async () => {
  await startContainer(engine, "crier", talkative);
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● crier +running/);
  await terminal.press("a");
  await terminal.waitFor("attached to crier");
  await terminal.waitFor(/line \d+ of the log\n+line/);
  await terminal.press("ctrl+c");
  await terminal.waitFor("left crier, it goes on");
  await terminal.waitFor(/● crier +running/);
});

it("attaches to a terminal of a container, and leaves it by Ctrl-P Ctrl-Q", async () => {
  const { id } = await engine.client.request("containers.create", {
    ...emptyCreateRequest(starterImage),
    name: "console",
    command: ["sh"],
    terminal: true,
    openStdin: true,
  });
  await engine.client.request("containers.start", { container: id });
  await using terminal = openDashboard(engine);
  await terminal.waitFor(/● console +running/);
  await terminal.press("/");
  terminal.type("console");
  await terminal.press("enter", "a");
  await terminal.waitFor("attached to console");
  terminal.type("echo $((6*7)) in $(stty size)\r");
  await terminal.waitFor("42 in 40 120");
  terminal.type("\u0010\u0011");
  await terminal.waitFor("left console, it goes on");
  expect((await engine.client.request("containers.list", { all: false })).map(({ name }) => name)).toContain("console");
});

it("says what went wrong on the normal screen when it fails, and ends with 70", async () => {
  const guard = fileURLToPath(new URL("../../src/app/terminal-guard.ts", import.meta.url));
  const script = `
    import { guardTerminal } from ${JSON.stringify(guard)};
    guardTerminal({ leave: () => { throw new Error("the tree is broken"); }, onContinue: () => undefined });
    process.stdin.setRawMode(true);
    process.stdout.write("\\u001b[?1049h\\u001b[?25l");
    process.emitWarning("torn screen");
    setTimeout(() => { throw new Error("unexpected end"); }, 200);`;
  const command = `${process.execPath} --input-type=module -e '${script}'; echo "code=$?"; stty -a; echo finished`;
  await using terminal = new TestTerminal({ command: ["sh", "-c", command] });
  const text = await terminal.waitFor("finished");
  expect(text).toContain("code=70");
  expect(text).toContain("the dashboard failed; containers go on running");
  expect(text).toContain("unexpected end");
  expect(text).toMatch(/[^-]icanon/);
  expect(terminal.isAlternate).toBe(false);
});

it.each([
  ["q", 0],
  ["ctrl+c", 0],
] as const)("gives the terminal back on %s", async (key, code) => {
  await using terminal = openDashboardInShell(engine);
  await terminal.waitFor(/● house +running/);
  await terminal.press(key);
  const text = await terminal.waitFor("finished");
  expect(text).toContain(`code=${code}`);
  expect(text).toMatch(/[^-]icanon/);
  expect(text).toMatch(/[^-]echo /);
  expect(terminal.isAlternate).toBe(false);
  expect(terminal.output().toString("latin1").lastIndexOf("\u001b[?25h")).toBeGreaterThan(
    terminal.output().toString("latin1").lastIndexOf("\u001b[?25l"),
  );
});

it.each(["SIGTERM", "SIGHUP", "SIGINT"] as const)("gives the terminal back on %s", async (signal) => {
  await using terminal = openDashboardInShell(engine);
  await terminal.waitFor(/● house +running/);
  const child = execFileSync("pgrep", ["-P", String(terminal.pid)], { encoding: "utf8" }).trim();
  process.kill(Number(child), signal);
  const text = await terminal.waitFor("finished");
  expect(text).toMatch(/code=1(?:43|29|30)/);
  expect(text).toMatch(/[^-]icanon/);
  expect(terminal.isAlternate).toBe(false);
});

it("draws all anew on Ctrl+L when something wrote over it", async () => {
  await using terminal = openDashboard(engine);
  const before = await terminal.waitFor(/● house +running/);
  const top = before.split("\n")[1] ?? "";
  execFileSync("sh", ["-c", `printf '\\033[2;1Hgarbage over the frame' > /proc/${terminal.pid}/fd/1`]);
  await terminal.waitFor("garbage");
  await terminal.press("ctrl+l");
  await terminal.waitFor((text) => !text.includes("garbage") && text.split("\n")[1] === top);
});

it("refuses a wrong theme or keymap before there is a screen, and says what to do", async () => {
  await using theme = openDashboard(engine, { flags: ["--theme", "blue"] });
  await theme.waitFor(/no theme is called "blue"\s+hint: there are dark, light, high-contrast/);
  expect(await theme.exited).toBe(1);
  expect(theme.output().includes("\u001b[?1049h")).toBe(false);
  await using keymap = openDashboard(engine, { flags: ["--keymap", "/no/such/keys.json"] });
  await keymap.waitFor("gantry: keymap /no/such/keys.json: there is no such file");
  expect(await keymap.exited).toBe(1);
});
