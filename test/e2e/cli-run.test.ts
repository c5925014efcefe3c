import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor, TerminalCommand } from "../support/gantry-command.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

const names = async () => (await gantry(["ps", "-a", "--format", "{{.Names}}"])).stdout.split("\n").filter(Boolean);

describe("gantry run", () => {
  it("gives output, streams and exit code of the container, and removes it", async () => {
    const result = await gantry(["run", "--rm", starterImage, "sh", "-c", "echo out; echo err >&2; exit 7"]);
    expect(result).toEqual({ code: 7, stdout: "out\n", stderr: "err\n" });
    expect(await names()).toEqual([]);
  });

  it("passes stdin to its end", async () => {
    const input = "line\n".repeat(50_000);
    const result = await gantry(["run", "-i", "--rm", starterImage, "cat"], { input });
    expect(result.code).toBe(0);
    expect(result.stdout === input).toBe(true);
  });

  it("loses nothing of a large output", async () => {
    const result = await gantry(["run", "--rm", starterImage, "sh", "-c", "seq 1 200000"]);
    expect(result.stdout.trimEnd().split("\n")).toHaveLength(200_000);
  });

  it("resolves environment and relative mounts where it is typed", async () => {
    await writeFile(join(directory, "f"), "from the host\n");
    const args = ["run", "--rm", "-e", "COLOUR", "-e", "B=2", "-v", "./:/data:ro", starterImage];
    const command = ["sh", "-c", "echo $COLOUR $B; cat /data/f"];
    const result = await gantry([...args, ...command], { cwd: directory, env: { COLOUR: "red" } });
    expect(result).toMatchObject({ code: 0, stdout: "red 2\nfrom the host\n" });
  });

  it.each([
    ["an unknown image", ["run", "--pull", "never", "no-such-image"], 125, "no-such-image"],
    ["a command that is not there", ["run", "--rm", starterImage, "no-such-command"], 127, "no-such-command"],
    ["a command that is none", ["run", "--rm", starterImage, "/etc"], 126, "/etc"],
    ["a wrong flag", ["run", "--nope", starterImage], 125, "--nope"],
    ["a wrong port", ["run", "-p", "x", starterImage], 125, 'invalid port "x"'],
    ["no image", ["run"], 1, "image"],
    ["a terminal without one", ["run", "-it", "--rm", starterImage, "sh"], 1, "the input device is not a TTY"],
  ])("says in a sentence what is wrong with %s, and leaves nothing", async (_, args, code, message) => {
    const result = await gantry(args);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(/^gantry: /);
    expect(result.stderr).toContain(message);
    expect(await names()).toEqual([]);
  });

  it("refuses a name that is taken, and a port that is taken", async () => {
    await gantry(["run", "-d", "--name", "one", "-p", "127.0.0.1:18931:80", starterImage, "sleep", "100"]);
    const name = await gantry(["run", "--rm", "--name", "one", starterImage, "true"]);
    expect(name.code).toBe(125);
    expect(name.stderr).toContain("one");
    const port = await gantry(["run", "--rm", "-p", "127.0.0.1:18931:80", starterImage, "true"]);
    expect(port.code).toBe(125);
    expect(port.stderr).toContain("18931");
    expect(await names()).toEqual(["one"]);
    expect(await gantry(["rm", "-f", "one"])).toEqual({ code: 0, stdout: "one\n", stderr: "" });
  });

  it("writes the id to a file and prints it when detached", async () => {
    const cidfile = join(directory, "cid");
    const { stdout } = await gantry(["run", "-d", "--cidfile", cidfile, starterImage, "true"]);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await readFile(cidfile, "utf8")).toBe(stdout.trim());
    const again = await gantry(["run", "-d", "--cidfile", cidfile, starterImage, "true"]);
    expect(again).toMatchObject({ code: 125, stdout: "" });
    expect(await names()).toHaveLength(1);
    await gantry(["rm", "-f", stdout.trim()]);
  });

  it("passes signals on to a container without a terminal", async () => {
    const script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    using terminal = new TerminalCommand(engine.config, ["run", "--rm", starterImage, "sh", "-c", script]);
    await terminal.see("ready");
    const container = (await engine.client.request("containers.list", { all: false }))[0];
    expect(container?.terminal).toBe(false);
    terminal.signal("SIGTERM");
    await terminal.see("caught");
    expect(await terminal.ended).toBe(9);
  });
});

describe("in a terminal", () => {
  it("is a terminal of the same size that follows ours", async () => {
    using terminal = new TerminalCommand(engine.config, ["run", "-it", "--rm", starterImage, "sh"]);
    await terminal.see("# ");
    terminal.type("stty size\n");
    await terminal.see("30 100");
    terminal.resize(120, 40);
    terminal.type("sleep 0.2; stty size\n");
    await terminal.see("40 120");
    terminal.type("exit 5\n");
    expect(await terminal.ended).toBe(5);
  });

  it("leaves the container running on ctrl-p ctrl-q, and comes back", async () => {
    using terminal = new TerminalCommand(engine.config, ["run", "-it", "--rm", "--name", "stay", starterImage, "sh"]);
    await terminal.see("# ");
    terminal.type("X=kept\n");
    await terminal.see("# ");
    terminal.type("\x10\x11");
    expect(await terminal.ended).toBe(0);
    expect((await gantry(["ps", "--format", "{{.Names}} {{.State}}"])).stdout).toBe("stay running\n");
    using again = new TerminalCommand(engine.config, ["attach", "stay"]);
    again.type("echo is $X\n");
    await again.see("is kept");
    again.type("exit 3\n");
    expect(await again.ended).toBe(3);
  });

  it("runs a shell in a running container", async () => {
    await gantry(["run", "-d", "--name", "host", starterImage, "sleep", "100"]);
    using terminal = new TerminalCommand(engine.config, ["exec", "-it", "-e", "WHO=me", "-w", "/tmp", "host", "sh"]);
    await terminal.see("/tmp # ");
    terminal.type("echo $WHO; stty size; exit 4\n");
    await terminal.see("me");
    await terminal.see("30 100");
    expect(await terminal.ended).toBe(4);
    expect(await gantry(["exec", "host", "no-such-command"])).toMatchObject({ code: 127 });
    expect(await gantry(["exec", "-i", "host", "cat"], { input: "through" })).toMatchObject({
      code: 0,
      stdout: "through",
    });
    await gantry(["rm", "-f", "host"]);
  });
});
