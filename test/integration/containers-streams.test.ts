import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StateItem } from "../../engine/protocol/state.ts";
import {
  createContainer,
  eventually,
  openSession,
  readLog,
  runContainer,
  starterImage,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const attach = (container: string, stdin = true) =>
  openSession(engine, (streamID) => request("containers.attach", { container, streamID, stdin }));
const exec = (container: string, command: string[], changes = {}) =>
  openSession(engine, (streamID) =>
    request("containers.exec", {
      container,
      command,
      terminal: false,
      openStdin: true,
      environment: [],
      privileged: false,
      streamID,
      ...changes,
    }),
  );

describe("attach", () => {
  it("loses nothing of what is printed from the first moment, and tells the exit code", async () => {
    const id = await createContainer(engine, { command: ["sh", "-c", "echo first; echo second >&2; exit 9"] });
    const { stream, output } = await attach(id);
    await request("containers.start", { container: id });
    expect(await stream.ended).toEqual({ exitCode: 9 });
    expect(output).toEqual({ stdout: "first\n", stderr: "second\n" });
    await remove(id);
  });

  it("passes input, and its end", async () => {
    const id = await createContainer(engine, { command: ["cat"], openStdin: true, stdinOnce: true });
    const { stream, output } = await attach(id);
    await request("containers.start", { container: id });
    const text = "0123456789abcdef".repeat(64 * 1024);
    await stream.write(Buffer.from(text));
    stream.end();
    expect(await stream.ended).toEqual({ exitCode: 0 });
    expect(output.stdout).toBe(text);
    await remove(id);
  });

  it("serves several at once, and a detached one leaves the process alone", async () => {
    const id = await runContainer(engine, {
      command: ["sh", "-c", "while read line; do echo got $line; done"],
      openStdin: true,
    });
    const [one, other] = await Promise.all([attach(id), attach(id)]);
    await one.stream.write(Buffer.from("a\n"));
    await eventually(() => one.output.stdout === "got a\n" && other.output.stdout === "got a\n");
    one.stream.detach();
    await one.stream.ended;
    await other.stream.write(Buffer.from("b\n"));
    await eventually(() => other.output.stdout === "got a\ngot b\n");
    await request("containers.kill", { container: id, signal: "KILL" });
    expect(await other.stream.ended).toEqual({ exitCode: 137 });
    expect(await readLog(engine, id)).toBe("got a\ngot b\n");
    await remove(id);
  });

  it("gives a terminal of the size asked for", async () => {
    const id = await createContainer(engine, { command: ["sh", "-c", "sleep 0.3; stty size"], terminal: true });
    const { stream, output } = await attach(id);
    stream.resize(33, 101);
    await request("containers.start", { container: id });
    expect(await stream.ended).toEqual({ exitCode: 0 });
    expect(output.stdout).toBe("33 101\r\n");
    await remove(id);
  });

  it("says so when there will be nothing to attach to", async () => {
    const bad = await createContainer(engine, { command: ["no-such-program"] });
    const { stream } = await attach(bad);
    await expect(request("containers.start", { container: bad })).rejects.toMatchObject({ exitCode: 127 });
    await expect(stream.ended).rejects.toThrow("not found");
    const again = await attach(bad);
    await remove(bad);
    await expect(again.stream.ended).rejects.toThrow("was removed");
  });
});

describe("exec", () => {
  it("runs a process beside, with its own output, input and exit code", async () => {
    const id = await runContainer(engine, { environment: ["A=1"] });
    const { stream, output } = await exec(id, ["sh", "-c", "echo $A $B; pwd; cat; echo e >&2; exit 4"], {
      environment: ["B=2"],
      workingDirectory: "/tmp",
    });
    await stream.write(Buffer.from("input\n"));
    stream.end();
    expect(await stream.ended).toEqual({ exitCode: 4 });
    expect(output).toEqual({ stdout: "1 2\n/tmp\ninput\n", stderr: "e\n" });
    await remove(id);
  });

  it("is refused where nothing runs, with a hint", async () => {
    const id = await createContainer(engine, { name: "asleep" });
    await expect(exec("asleep", ["true"])).rejects.toMatchObject({
      message: "container asleep is not running",
      hint: "start it with: gantry start asleep",
    });
    await request("containers.start", { container: id });
    await request("containers.pause", { container: id });
    await expect(exec("asleep", ["true"])).rejects.toThrow("container asleep is paused");
    await remove(id);
  });
});

describe("logs", () => {
  it("follow to the end of the container", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"] });
    const range = { tail: null, since: null, until: null };
    const { stream, output } = await openSession(engine, (streamID) =>
      request("containers.logs", { container: id, streamID, follow: true, range }),
    );
    expect(await stream.ended).toEqual({ exitCode: null });
    expect(output.stdout.match(/stdout F \d/g)).toEqual(["stdout F 1", "stdout F 2", "stdout F 3"]);
    await remove(id);
  });

  it("of several containers come merged, and go on over a restart", async () => {
    const ids = await Promise.all(
      ["a", "b"].map((name) =>
        runContainer(engine, { command: ["sh", "-c", `echo ${name}; sleep 0.2; echo ${name}`] }),
      ),
    );
    await eventually(async () => (await readLog(engine, ids[1] ?? "")) === "b\nb\n");
    const lines: string[] = [];
    const range = { tail: null, since: null, until: null };
    const subscription = await engine.client.subscribe("logs", { containers: ids, range }, (item) => {
      lines.push(...item.lines.map(({ text, time }) => `${time} ${text}`));
    });
    await eventually(() => lines.length === 4);
    expect(lines).toEqual([...lines].sort());
    await request("containers.start", { container: ids[0] ?? "" });
    await eventually(() => lines.length === 6);
    subscription.close();
    await Promise.all(ids.map(remove));
  });
});

describe("state", () => {
  it("comes as a snapshot, then as changes, and is resumed without a gap", async () => {
    const items: StateItem[] = [];
    const first = await engine.client.subscribe("state", { resume: null }, (item) => void items.push(item));
    const id = await runContainer(engine);
    await eventually(() => items.some((item) => item.containers.some((row) => row.status === "running")));
    expect(items[0]).toMatchObject({ type: "snapshot", images: [{ references: [`${starterImage}:latest`] }] });
    expect(items.slice(1).every((item) => item.type === "change")).toBe(true);
    first.close();

    const { revision } = items.at(-1) ?? { revision: 0 };
    await request("containers.rename", { container: id, name: "renamed" });
    await remove(id);
    const resumed: StateItem[] = [];
    const { epoch } = engine.client.engine;
    const second = await engine.client.subscribe("state", { resume: { epoch, revision } }, (item) => {
      resumed.push(item);
    });
    await eventually(() => resumed.length > 0);
    expect(resumed[0]).toMatchObject({ type: "change", removedContainers: [id], containers: [] });
    second.close();

    const other: StateItem[] = [];
    const third = await engine.client.subscribe("state", { resume: { epoch: randomUUID(), revision } }, (item) => {
      other.push(item);
    });
    await eventually(() => other.length > 0);
    expect(other[0]?.type).toBe("snapshot");
    third.close();
  });

  it("has statistics of what runs once a second", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "while :; do :; done"] });
    const percents: (number | null)[] = [];
    const subscription = await engine.client.subscribe("stats", { containers: null }, ({ samples }) => {
      percents.push(samples.find(({ container }) => container === id)?.cpu.percent ?? null);
    });
    await eventually(() => percents.some((percent) => (percent ?? 0) > 20));
    subscription.close();
    await remove(id);
  });
});
