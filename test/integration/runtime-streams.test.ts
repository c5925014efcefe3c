import { expect, it } from "vitest";
import type { ExecOptions } from "../../engine/runtime/container-runtime.ts";
import { listenTo, openTestRuntime, until } from "../support/runtime-bundle.ts";

const execDefaults: Omit<ExecOptions, "container" | "bundle" | "execID" | "command"> = {
  terminal: false,
  openStdin: false,
  environment: [],
  workingDirectory: null,
  user: null,
  privileged: false,
  rows: null,
  columns: null,
};

it("echoes on a terminal of the size asked for, before and after the start", async () => {
  await using test = await openTestRuntime();
  const bundle = await test.create("tty", { command: ["sh"], terminal: true, openStdin: true });
  const session = await test.runtime.attach(bundle);
  const heard = listenTo(session);
  await session.resize(41, 132);
  await test.runtime.start("tty");
  await session.write(Buffer.from("stty size; echo $TERM-$HOSTNAME-$HOME\n"));
  await until(() => heard.out().includes("41 132"), "the size");
  await until(() => heard.out().includes("xterm-box-/root"), "the environment");
  await session.resize(50, 90);
  await session.write(Buffer.from("stty size; exit 4\n"));
  expect(await test.exitOf("tty")).toMatchObject({ exitCode: 4 });
  await heard.ended;
  expect(heard.out()).toContain("50 90");
});

it("passes stdin and its end, with stdout and stderr apart", async () => {
  await using test = await openTestRuntime();
  const command = ["sh", "-c", "cat; echo done >&2"];
  const bundle = await test.create("pipe", { command, openStdin: true }, { stdinOnce: true });
  const session = await test.runtime.attach(bundle);
  const heard = listenTo(session);
  await test.runtime.start("pipe");
  const sent = Buffer.alloc(300_000, "0123456789\n");
  await session.write(sent);
  session.endInput();
  expect(await test.exitOf("pipe")).toMatchObject({ exitCode: 0 });
  await heard.ended;
  expect(heard.out() === sent.toString()).toBe(true);
  expect(heard.err()).toBe("done\n");
});

it("loses nothing of 5 MB to a slow reader", async () => {
  await using test = await openTestRuntime();
  const bundle = await test.create("flood", { command: ["sh", "-c", "seq 1 720000"] });
  const session = await test.runtime.attach(bundle);
  const chunks: Buffer[] = [];
  let reading = true;
  session.onOutput((_stream, bytes) => {
    expect(reading).toBe(true);
    chunks.push(Buffer.from(bytes));
    reading = false;
    setTimeout(() => {
      reading = true;
      session.resume();
    }, 2);
    return false;
  });
  const ended = new Promise<void>((resolve) => session.onEnd(resolve));
  await test.runtime.start("flood");
  await ended;
  const lines = Buffer.concat(chunks).toString().trimEnd().split("\n");
  expect(lines.length).toBe(720_000);
  expect(lines.every((line, index) => line === String(index + 1))).toBe(true);
});

it("lets two clients watch, and one leave", async () => {
  await using test = await openTestRuntime();
  const bundle = await test.create("shared", {
    command: ["sh", "-c", "while read x; do echo $x; done"],
    openStdin: true,
  });
  const first = await test.runtime.attach(bundle);
  const second = await test.runtime.attach(bundle);
  const [one, two] = [listenTo(first), listenTo(second)];
  await test.runtime.start("shared");
  await first.write(Buffer.from("a\n"));
  await until(() => one.out() === "a\n" && two.out() === "a\n", "both to hear");
  await first[Symbol.asyncDispose]();
  await second.write(Buffer.from("b\n"));
  await until(() => two.out() === "a\nb\n", "the second to hear");
});

it("runs further processes, with the container's user, environment and directory", async () => {
  await using test = await openTestRuntime();
  const wishes = { command: ["sleep", "100"], environment: ["A=1", "B=2"], workingDirectory: "/tmp" };
  const bundle = await test.create("host", wishes);
  await test.runtime.start("host");
  const base = { ...execDefaults, container: "host", bundle };

  const seven = await test.runtime.exec({
    ...base,
    execID: "e1",
    command: ["sh", "-c", "echo $A $B $HOME; pwd; id; echo no >&2; exit 7"],
    environment: ["B=3"],
    user: "ann",
  });
  const heard = listenTo(seven.attached);
  expect(await seven.exitCode).toBe(7);
  await heard.ended;
  expect(heard.out()).toBe("1 3 /home/ann\n/tmp\nuid=1000(ann) gid=1001(ann) groups=50(staff),1001(ann)\n");
  expect(heard.err()).toBe("no\n");

  const shell = await test.runtime.exec({
    ...base,
    execID: "e2",
    command: ["sh", "-c", "stty size; cat"],
    terminal: true,
    openStdin: true,
    rows: 33,
    columns: 101,
  });
  const screen = listenTo(shell.attached);
  await until(() => screen.out().includes("33 101"), "the size at the start");
  await shell.attached.write(Buffer.from("hello\n\x04"));
  expect(await shell.exitCode).toBe(0);
  await screen.ended;
  expect(screen.out()).toBe("33 101\r\nhello\r\nhello\r\n");

  const piped = await test.runtime.exec({ ...base, execID: "e3", command: ["cat"], openStdin: true });
  const copy = listenTo(piped.attached);
  await piped.attached.write(Buffer.from("through"));
  piped.attached.endInput();
  expect(await piped.exitCode).toBe(0);
  await copy.ended;
  expect(copy.out()).toBe("through");

  await expect(test.runtime.exec({ ...base, execID: "e4", command: ["nope"] })).rejects.toMatchObject({
    exitCode: 127,
  });
  await expect(test.runtime.exec({ ...base, execID: "e5", command: ["/bin/not-executable"] })).rejects.toMatchObject({
    exitCode: 126,
  });
  await expect(
    test.runtime.exec({ ...base, execID: "e6", command: ["true"], user: "nobody-here" }),
  ).rejects.toMatchObject({ code: "invalid-argument" });
});

it("learns of the end though a client has stopped reading, and keeps the rest for it", async () => {
  await using test = await openTestRuntime();
  const script = "seq 1 720000";
  const bundle = await test.create("stalled", { command: ["sh", "-c", script] });
  const session = await test.runtime.attach(bundle);
  let given = 0;
  let reading = false;
  session.onOutput((_stream, bytes) => {
    given += bytes.length;
    return reading;
  });
  const ended = new Promise<void>((resolve) => session.onEnd(resolve));
  await test.runtime.start("stalled");
  let heldBack = -1;
  // Until nothing more comes: on a busy host that takes its time.
  while (given === 0 || given !== heldBack) {
    heldBack = given;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await test.runtime.kill("stalled", 9, false);
  expect(await test.exitOf("stalled")).toMatchObject({ exitCode: 137 });
  expect(given).toBe(heldBack);
  reading = true;
  session.resume();
  await ended;
  expect(given).toBeGreaterThan(heldBack);
});
