import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPipe, type SpawnedProcess, type SpawnOptions, spawnProcess } from "../../../engine/host/spawn.ts";

const environment = { PATH: "/usr/bin:/bin", WORD: "a b" };
let foreign = -1;

beforeAll(() => {
  foreign = openSync("/dev/null", "r");
});
afterAll(() => closeSync(foreign));

/** What a shell says and how it ends. */
async function run(script: string, options: Partial<SpawnOptions> = {}): Promise<{ said: string; exitCode: number }> {
  const [given, kept] = [new DisposableStack(), new DisposableStack()];
  const { theirs, ours } = openPipe("write", { given, kept });
  kept.move();
  const descriptors = [null, theirs, null];
  const args = ["-c", script, "name", "first word"];
  const socket = new Socket({ fd: ours, writable: false });
  try {
    return await answerOf(
      await spawnProcess({ program: "/bin/sh", args, environment, descriptors, ...options }),
      socket,
      given,
    );
  } finally {
    given.dispose();
    socket.destroy();
  }
}

async function answerOf(child: SpawnedProcess, socket: Socket, given: DisposableStack) {
  given.dispose();
  const said = await text(socket);
  return { said, exitCode: await child.ended };
}

function isInherited(fd: number): boolean {
  const flags =
    fd > 2 && existsSync(`/proc/self/fdinfo/${fd}`) ? readFileSync(`/proc/self/fdinfo/${fd}`, "latin1") : "";
  return flags !== "" && (Number.parseInt(/flags:\s*([0-7]+)/.exec(flags)?.[1] ?? "", 8) & 0o2000000) === 0;
}

it("leaves no end of a pipe open where the next cannot be had", () => {
  const count = () => readdirSync("/proc/self/fd").length;
  const before = count();
  const fail = () => {
    using given = new DisposableStack();
    using kept = new DisposableStack();
    openPipe("read", { given, kept });
    openPipe("write", { given, kept });
    expect(count()).toBe(before + 4);
    throw new Error("no more");
  };
  expect(fail).toThrow("no more");
  expect(count()).toBe(before);
});

describe("spawnProcess", () => {
  it("passes arguments and the environment, and nothing else of ours", async () => {
    process.env.OURS = "secret";
    const { said, exitCode } = await run('echo "$1"; env | sort; exit 3');
    expect(said).toBe("first word\nPATH=/usr/bin:/bin\nPWD=/\nWORD=a b\n".replace("PWD=/", `PWD=${process.cwd()}`));
    expect(exitCode).toBe(3);
  });

  it("gives it the descriptors asked for and no other", async () => {
    const { said } = await run("ls -l /proc/self/fd | sed -n 's/.* \\([0-9]* -> .*\\)/\\1/p' | grep -v ' /proc/'");
    // Not of ours, but of whoever started this test.
    const lines = said
      .trim()
      .split("\n")
      .filter((line) => !isInherited(Number.parseInt(line, 10)));
    expect(lines).toEqual(["0 -> /dev/null", expect.stringMatching(/^1 -> pipe:/), "2 -> /dev/null"]);
  });

  it("changes the directory", async () => {
    expect((await run("pwd -P", { cwd: "/usr" })).said).toBe("/usr\n");
    await expect(run("pwd", { cwd: join(tmpdir(), "no such directory") })).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("says how a program that is not there, or cannot be run, failed", async () => {
    await expect(run("", { program: "/no/such/program" })).rejects.toMatchObject({ code: "ENOENT" });
    await expect(run("", { program: "/etc/passwd" })).rejects.toMatchObject({ code: "EACCES" });
  });

  it("tells a signal as a shell does", async () => {
    expect((await run("kill -9 $$")).exitCode).toBe(137);
  });

  it("starts with no signal ignored or blocked, whatever ours are", async () => {
    const { said } = await run("grep -E '^Sig(Ign|Blk)' /proc/self/status");
    expect(said).toBe(`SigBlk:\t${"0".repeat(16)}\nSigIgn:\t${"0".repeat(16)}\n`);
    expect(readFileSync("/proc/self/status", "latin1")).not.toContain(`SigIgn:\t${"0".repeat(16)}`);
  });

  it("is the leader of its own session where that is asked for", async () => {
    const script = "read -r pid name state parent group session rest < /proc/$$/stat; echo $((session == $$))";
    expect((await run(script, { newSession: true })).said).toBe("1\n");
    expect((await run(script)).said).toBe("0\n");
  });

  it("learns the ends of many at once, and leaves none behind", async () => {
    const children = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        spawnProcess({
          program: "/bin/sh",
          args: ["-c", `exit ${index}`],
          environment,
          descriptors: [null, null, null],
        }),
      ),
    );
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(
      Array.from({ length: 50 }, (_, index) => index),
    );
    for (const { pid, isRunning } of children) {
      expect(isRunning()).toBe(false);
      expect(() => readlinkSync(`/proc/${pid}/exe`)).toThrow();
    }
  });

  it("does not overwrite a low descriptor on its way", async () => {
    await expect(run("", { descriptors: [null, 1, 0] })).rejects.toThrow("would be overwritten");
  });
});
