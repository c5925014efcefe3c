import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, starterImage } from "../support/engine.ts";
import { startedForFile } from "../support/engine-of-file.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { gantryProgram, TestTerminal } from "../support/terminal.ts";

const engine = startedForFile();
let gantry: ReturnType<typeof gantryFor>;
let place: string;

beforeAll(() => {
  gantry = gantryFor(engine.config);
  place = mkdtempSync("/tmp/gantry-test-");
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

const from = `FROM ${starterImage}\n`;

function contextOf(name: string, dockerfile: string): string {
  const directory = join(place, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  return directory;
}

type Size = { readonly columns?: number; readonly rows?: number; readonly environment?: Record<string, string> };

/** `gantry build` in a terminal of its own. */
function build(args: readonly string[], { environment, ...size }: Size = {}): TestTerminal {
  const { root, run } = engine.config;
  return new TestTerminal({
    command: [...gantryProgram, "build", ...args],
    columns: 80,
    rows: 24,
    ...size,
    environment: { GANTRY_ROOT: root, GANTRY_RUN: run, ...environment },
  });
}

const listed = (tar: string) => execFileSync("tar", ["-tf", tar], { encoding: "utf8" });

const runningBuilds = async () =>
  (await engine.client.request("builds.list", {})).filter(({ status }) => status === "running");

describe("gantry build on a terminal", () => {
  it("shows what runs with its last lines, and one line of what has ended", async () => {
    const steps = `RUN for i in 1 2 3 4 5 6 7 8 9; do echo "line $i"; done; sleep 1.5\nRUN echo last; sleep 0.3\n`;
    await using terminal = build(["-t", "seen:1", contextOf("seen", `${from}${steps}`)]);
    const busy = await terminal.waitFor("# line 9");
    const rows = busy.split("\n");
    expect(rows[0]).toMatch(/^\[\+\] Building \d\.\ds \(\d\/\d\)$/);
    expect(busy).toMatch(/=> \[1\/3\] FROM gantry\/busybox +0\.\ds\n/);
    expect(busy).toMatch(/=> \[2\/3\] RUN for i in [^\n]* \d\.\ds\n => => # line 4\n/);
    expect(busy).not.toContain("# line 3");
    expect(await terminal.exited).toBe(0);
    const end = await terminal.waitFor("naming to docker.io/library/seen:1");
    expect(end).toMatch(/^\[\+\] Building \d+\.\ds \((\d+)\/\1\) FINISHED\n/);
    expect(end).not.toContain("# line");
    expect(end).toContain("writing image sha256:");
    for (const row of rows.filter((one) => /\d\.\ds$/.test(one)).slice(1)) expect(row).toHaveLength(79);
  });

  it("writes what has changed only, and shows the cursor again", async () => {
    await using terminal = build(["--no-cache", contextOf("quiet", `${from}RUN sleep 1.5\n`)]);
    expect(await terminal.exited).toBe(0);
    const output = String(terminal.output());
    // One line of the head, one of the step, ten times a second.
    expect(output.length).toBeLessThan(6_000);
    expect(output.lastIndexOf("\x1b[?25h")).toBeGreaterThan(output.lastIndexOf("\x1b[?25l"));
    expect(output.match(/resolve image/g)?.length).toBeLessThanOrEqual(3);
  });

  it("stays whole when the terminal gets another size", async () => {
    const context = contextOf(
      "sizes",
      `${from}RUN for i in $(seq 40); do echo "a line of some length $i"; sleep 0.1; done\n`,
    );
    await using terminal = build(["--no-cache", context], { columns: 100, rows: 30 });
    await terminal.waitFor("length 2");
    for (const [columns, rows] of [
      [120, 40],
      [90, 20],
      [50, 16],
      [40, 8],
    ] as const) {
      // Between two frames: what is on its way already would be shown as if the old size still held.
      const { length } = terminal.output();
      await eventually(() => terminal.output().length > length);
      await terminal.resize(columns, rows);
      await sleep(250);
      const text = terminal.text();
      expect(text.match(/\[\+\] Building/g), `${columns}x${rows}\n${text}`).toHaveLength(1);
      expect(text.match(/\[2\/2\] RUN/g)).toHaveLength(1);
    }
    expect(await terminal.exited).toBe(0);
  });

  it("shows nothing that steers the terminal, and no colours where none are wanted", async () => {
    const evil = `RUN printf '\\033]0;evil\\007\\033[2Jcleared\\n\\033[31mred\\n'; sleep 0.7; exit 3 # \u001b[5m\n`;
    const titles: string[] = [];
    await using terminal = build([contextOf("evil", `${from}${evil}`)], { environment: { NO_COLOR: "1" } });
    terminal.onTitle((title) => titles.push(title));
    await terminal.waitFor("# red");
    expect(await terminal.exited).toBe(1);
    const text = await terminal.waitFor("exit code: 3");
    expect(text).toContain("[+] Building");
    expect(text).toContain("=> ERROR [2/2] RUN printf");
    expect(titles).toEqual([]);
    // What we draw with ourselves: cursor, erase.
    expect(String(terminal.output()).replaceAll(/\x1b\[(?:\?25[hl]|\d*[ABKJ])/g, "")).not.toContain("\x1b");
  });

  it("colours what has ended elsewhere", async () => {
    await using terminal = build([contextOf("colours", from)]);
    expect(await terminal.exited).toBe(0);
    expect(String(terminal.output())).toContain("\x1b[34m => [1/1] FROM");
  });

  it("shows where a build has failed", async () => {
    const dockerfile = `${from}ENV A=b\nRUN echo oops && \\\n  exit 9\nCMD c\n`;
    await using terminal = build([contextOf("fails", dockerfile)], { rows: 40 });
    expect(await terminal.exited).toBe(1);
    const text = await terminal.waitFor("exit code: 9");
    expect(text).toMatch(/------\n > \[3\/4\] RUN echo oops && +exit 9:\n\d\.\d+ oops\n------\nDockerfile:3\n-{20}\n/);
    expect(text).toContain(
      "   2 |     ENV A=b\n   3 | >>> RUN echo oops && \\\n   4 | >>>   exit 9\n   5 |     CMD c\n",
    );
    expect(text.replaceAll("\n", "")).toMatch(/ERROR: .*did not complete successfully: exit code: 9/);
  });

  it.each([
    ["Ctrl-C", (terminal: TestTerminal) => terminal.press("ctrl+c"), 130],
    ["SIGTERM", async (terminal: TestTerminal) => terminal.signal("SIGTERM"), 143],
  ])("cancels by %s, and leaves nothing running", async (_, interrupt, code) => {
    await using terminal = build(["--no-cache", contextOf("long", `${from}RUN echo begun; sleep 600\n`)]);
    await terminal.waitFor("# begun");
    await interrupt(terminal);
    expect(await terminal.exited).toBe(code);
    expect(await terminal.waitFor("ERROR: the build was cancelled")).toContain("CANCELED");
    await eventually(async () => (await runningBuilds()).length === 0);
  });
});

describe("gantry build elsewhere", () => {
  it("tells steps by their numbers, the second time from the cache", async () => {
    const context = contextOf("plain", `${from}RUN echo out; echo err >&2\nCOPY Dockerfile /\n`);
    const first = await gantry(["build", "-t", "plain", context]);
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toMatch(
      /#\d+ \[2\/3\] RUN echo out; echo err >&2\n(#\d+ \d\.\d{3} (?:out|err)\n){2}#\d+ DONE \d\.\ds\n\n/,
    );
    expect(first.stderr).toMatch(
      /#\d+ writing image sha256:\w{64} done\n#\d+ naming to docker.io\/library\/plain:latest done\n$/,
    );
    expect(first.stderr).not.toContain("\x1b");
    const again = await gantry(["build", "-t", "plain", context]);
    expect(again.stderr).toMatch(/\[2\/3\] RUN [^\n]*\n#\d+ CACHED\n\n#\d+ \[3\/3\] COPY Dockerfile \/\n#\d+ CACHED\n/);
  });

  it("prints events as JSON, of its own kind and of BuildKit's", async () => {
    const context = contextOf("json", `${from}RUN echo "\\033[31m"\n`);
    const events = (await gantry(["build", "--no-cache", "--progress", "json", context])).stderr.trim().split("\n");
    const types = new Set(events.map((line) => JSON.parse(line).type));
    expect([...types].sort()).toEqual(["finished", "output", "step"]);
    const raw = (await gantry(["build", "--no-cache", "--progress=rawjson", context])).stderr.trim().split("\n");
    expect(raw.map((line) => Object.keys(JSON.parse(line))[0])).toContain("vertexes");
    expect(JSON.parse(raw.find((line) => line.includes('"logs"')) ?? "").logs[0].vertex).toMatch(/^sha256:/);
  });

  it("writes IDs where it is told to, and prints the ID alone where it is to be quiet", async () => {
    const context = contextOf("ids", from);
    const [ids, metadata] = [join(place, "iid"), join(place, "metadata")];
    const quiet = await gantry(["build", "-q", "-t", "ids", "--iidfile", ids, "--metadata-file", metadata, context]);
    expect(quiet).toMatchObject({ code: 0, stderr: "" });
    const id = quiet.stdout.trim();
    const files = await gantry(["run", "--rm", "-v", `${place}:/p`, starterImage, "cat", "/p/iid", "/p/metadata"]);
    expect(files.stdout).toMatch(new RegExp(`^${id}\\{`));
    expect(JSON.parse(files.stdout.slice(id.length))).toMatchObject({
      "containerimage.config.digest": id,
      "image.name": "docker.io/library/ids:latest",
    });
    const failed = await gantry(["build", "-q", "--iidfile", ids, contextOf("bad", `${from}RUN echo said; exit 4\n`)]);
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toMatch(/said\n[\s\S]*ERROR: .*exit code: 4/);
    expect(existsSync(ids)).toBe(false);
  });

  it("checks a Dockerfile", async () => {
    const bad = await gantry(["build", "--check", contextOf("unclean", `FROM ${starterImage} AS Upper\n`)]);
    expect(bad).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^Check complete, 1 warning has been found!\n/),
    });
    expect(bad.stdout).toContain(
      "WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/",
    );
    expect(bad.stdout).toContain(`   1 | >>> FROM ${starterImage} AS Upper`);
    const good = await gantry(["build", "--check", contextOf("clean", from)]);
    expect(good).toMatchObject({ code: 0, stdout: "Check complete, no warnings found.\n" });
    const warned = await gantry(["build", contextOf("unclean", `FROM ${starterImage} AS Upper\n`)]);
    expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining("1 warning found") });
  });

  it("builds what comes by stdin, a Dockerfile or a tar", async () => {
    const alone = await gantry(["build", "-q", "-"], { input: `${from}RUN echo x > /x\n` });
    expect(alone).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:/) });
    const beside = await gantry(["build", "-q", "-f", "-", contextOf("beside", from)], {
      input: `${from}COPY Dockerfile /d\n`,
    });
    const { stdout } = await gantry(["run", "--rm", beside.stdout.trim(), "cat", "/d"]);
    expect(stdout).toBe(from);
  });

  it("lists and prunes the cache", async () => {
    await gantry(["build", contextOf("du", `${from}RUN echo "du" > /du\n`)]);
    const listed = await gantry(["builder", "du"]);
    expect(listed.stdout).toMatch(/^ID +RECLAIMABLE +SIZE +LAST ACCESSED +DESCRIPTION\n/);
    expect(listed.stdout).toMatch(/RUN echo "du" > \/du\n[\s\S]*Total:\t+\d/);
    const pruned = await gantry(["builder", "prune", "-af"]);
    expect(pruned.stdout).toMatch(/^Deleted build cache objects:\n\w+\n[\s\S]*Total reclaimed space: /);
    expect((await gantry(["builder", "du", "--format", "{{.ID}}"])).stdout.trim()).toBe("");
  });

  it("writes what it has built to directories and files", async () => {
    const context = contextOf("outputs", "FROM scratch\nCOPY Dockerfile /in/file\n");
    const [directory, tar, oci, docker] = ["out", "out.tar", "oci.tar", "docker.tar"].map((name) => join(place, name));
    expect((await gantry(["build", "-q", "-o", `${directory}`, context])).code).toBe(0);
    expect(readFileSync(`${directory}/in/file`, "utf8")).toContain("COPY Dockerfile");
    for (const output of [`type=tar,dest=${tar}`, `type=oci,dest=${oci}`, `type=docker,dest=${docker},name=loaded:1`]) {
      expect((await gantry(["build", "-q", "--output", output, context])).code).toBe(0);
    }
    expect(listed(`${tar}`)).toContain("in/file");
    expect(listed(`${oci}`)).toContain("oci-layout");
    expect(await gantry(["load", "-i", `${docker}`])).toMatchObject({ stdout: expect.stringContaining("loaded:1") });
    const piped = await gantry(["build", "-q", "-o", "-", context]);
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringContaining("in/file") });
    await using terminal = build(["-o", "type=tar", context]);
    expect(await terminal.exited).toBe(1);
    await terminal.waitFor("refusing to write to console");
  });

  it("writes through no link, and nothing of a build that fails", async () => {
    const context = contextOf("trap", "FROM scratch\nCOPY Dockerfile /in/file\n");
    const directory = join(place, "trapped");
    mkdirSync(directory);
    symlinkSync("/etc", join(directory, "in"));
    const trapped = await gantry(["build", "-o", directory, context]);
    expect(trapped).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot overwrite non-directory") });
    expect(existsSync("/etc/file")).toBe(false);
    const file = join(place, "none.tar");
    const failed = await gantry(["build", "-o", `type=tar,dest=${file}`, contextOf("none", `${from}RUN false\n`)]);
    expect(failed.code).toBe(1);
    expect(existsSync(file)).toBe(false);
  });

  it("lists builds, shows what they did, cancels, repeats and forgets them", async () => {
    await gantry(["builder", "rm", "--all"]);
    await gantry(["build", "-t", "past:1", contextOf("past", `${from}RUN echo seen; exit 6\n`)]);
    const id = (await gantry(["builder", "ls", "-q"])).stdout.trim();
    expect((await gantry(["builder", "ls"])).stdout).toMatch(/^BUILD ID +NAME +STATUS .*\n\S+ +past:1 +failed +2\/2 /);
    const logs = await gantry(["builder", "logs", id]);
    expect(logs.stdout).toMatch(
      /\[2\/2\] RUN echo seen; exit 6\n#\d+ \d\.\d+ seen\n[\s\S]*>>> RUN echo seen[\s\S]*ERROR: /,
    );
    const retried = (await gantry(["builder", "retry", id])).stdout.trim();
    await eventually(async () => (await runningBuilds()).length === 0);
    expect((await gantry(["builder", "rm", id, retried])).stdout).toBe(`${id}\n${retried}\n`);
    expect((await gantry(["builder", "ls", "-q"])).stdout).toBe("");
    expect(await gantry(["builder", "cancel", "nope"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nope"),
    });
  });

  it.each([
    [["build", "/no/such/place"], 1, 'unable to prepare context: path "/no/such/place" not found'],
    [["build"], 1, "context"],
    [["build", "--nope", "."], 125, "--nope"],
    [["build", "--output", "type=magic", "."], 1, 'output type "magic" is not supported'],
    [["build", "-t", "UPPER", "/tmp"], 1, "Dockerfile"],
  ])("says what is wrong with %j", async (args, code, message) => {
    const result = await gantry(args);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(message);
  });
});
