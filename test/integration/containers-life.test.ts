import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { unlimited } from "../../engine/protocol/defaults.ts";
import type { EngineEvent } from "../../engine/protocol/events.ts";
import {
  createContainer,
  eventually,
  findContainer,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const wait = async (container: string, condition: "stopped" | "next-exit" | "removed" = "stopped") =>
  (await request("containers.wait", { container, condition })).exitCode;
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const mountsOf = (id: string) => listMounts().filter(({ target }) => target.includes(id));

describe("a container's life", () => {
  it("runs to its end, and leaves only its record, log and writable layer", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "echo out; echo err >&2; exit 7"] });
    expect(await wait(id)).toBe(7);
    const summary = await findContainer(engine, id);
    expect(summary).toMatchObject({ status: "exited", exitCode: 7, pid: null, ipAddress: null, error: "" });
    expect((await readLog(engine, id)).split("\n").sort()).toEqual(["", "err", "out"]);
    await eventually(() => mountsOf(id).length === 0);
    await remove(id);
    expect(await findContainer(engine, id)).toBeUndefined();
    expect(existsSync(join(engine.config.root, "containers", id))).toBe(false);
  });

  it("is what the request says", async () => {
    const id = await runContainer(engine, {
      command: ["sh", "-c", "id -u; pwd; hostname; echo $A; cat /proc/1/comm; ls /sys/class/net; grep -c . /etc/hosts"],
      environment: ["A=b c"],
      user: "1234:5",
      workingDirectory: "/made/here",
      hostname: "harbour",
      init: true,
      readOnlyRootfs: true,
      network: "none",
    });
    await wait(id);
    const lines = (await readLog(engine, id)).split("\n");
    expect(lines.slice(0, 5)).toEqual(["1234", "/made/here", "harbour", "b c", "docker-init"]);
    expect(lines[5]).toBe("lo");
    await remove(id);
  });

  it("stops by its signal, else by SIGKILL after the timeout", async () => {
    const polite = await runContainer(engine, {
      command: ["sh", "-c", "trap 'exit 3' USR1; echo ready; while :; do sleep 0.05; done"],
      stopSignal: "USR1",
    });
    await eventually(async () => (await readLog(engine, polite)).includes("ready"));
    await request("containers.stop", { container: polite, timeout: 5 });
    expect(await findContainer(engine, polite)).toMatchObject({ status: "exited", exitCode: 3 });

    const deaf = await runContainer(engine, { command: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"] });
    const before = Date.now();
    await request("containers.stop", { container: deaf, timeout: 1 });
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000);
    expect(await findContainer(engine, deaf)).toMatchObject({ status: "exited", exitCode: 137 });
    expect(await request("containers.stop", { container: deaf, timeout: 1 })).toEqual({ stopped: false });

    await request("containers.start", { container: deaf });
    expect(await findContainer(engine, deaf)).toMatchObject({ status: "running", exitCode: null });
    await request("containers.restart", { container: deaf, timeout: 0 });
    expect(await findContainer(engine, deaf)).toMatchObject({ status: "running", restartCount: 0 });
    await Promise.all([remove(polite), remove(deaf)]);
  });

  it("can be killed while somebody waits for its slow stop", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"] });
    const stopped = request("containers.stop", { container: id, timeout: 30 });
    await request("containers.kill", { container: id, signal: "SIGKILL" });
    await stopped;
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited", exitCode: 137 });
    await remove(id);
  });

  it("is frozen, woken, and ends while frozen when stopped", async () => {
    const id = await runContainer(engine);
    await request("containers.pause", { container: id });
    expect(await findContainer(engine, id)).toMatchObject({ status: "paused" });
    await expect(request("containers.pause", { container: id })).rejects.toThrow("is already paused");
    await request("containers.unpause", { container: id });
    await expect(request("containers.unpause", { container: id })).rejects.toThrow("is not paused");
    await request("containers.pause", { container: id });
    await request("containers.stop", { container: id, timeout: 0 });
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited", exitCode: 137 });
    await remove(id);
  });

  it("is removed at its end where asked, and who waits for that is answered after it", async () => {
    const id = await createContainer(engine, { command: ["sh", "-c", "exit 5"], autoRemove: true });
    const removed = wait(id, "removed");
    await request("containers.start", { container: id });
    expect(await removed).toBe(5);
    expect(await findContainer(engine, id)).toBeUndefined();
    expect(existsSync(join(engine.config.root, "containers", id))).toBe(false);
  });

  it("is not removed in the middle of a restart, but where it cannot start", async () => {
    const id = await runContainer(engine, { autoRemove: true });
    await request("containers.restart", { container: id, timeout: 0 });
    expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
    await request("containers.stop", { container: id, timeout: 0 });
    expect(await findContainer(engine, id)).toBeUndefined();
    const bad = await createContainer(engine, { command: ["no-such-program"], autoRemove: true });
    await expect(request("containers.start", { container: bad })).rejects.toMatchObject({ exitCode: 127 });
    expect(await findContainer(engine, bad)).toBeUndefined();
  });

  it("is killed by the kernel above its memory limit, and says so", async () => {
    const id = await runContainer(engine, {
      command: ["sh", "-c", "x=a; while :; do x=$x$x; done"],
      resources: { ...unlimited, memory: 16 << 20, memorySwap: 16 << 20 },
    });
    expect(await wait(id)).toBe(137);
    expect(await findContainer(engine, id)).toMatchObject({ oomKilled: true, exitCode: 137 });
    await remove(id);
  });

  it("starts in twenties, eight at a time", async () => {
    const waiting = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    const ids: string[] = [];
    const work = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        ids.push(await runContainer(engine, { name }));
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    const running = await request("containers.list", { all: false });
    expect(running).toHaveLength(20);
    expect(new Set(running.map(({ ipAddress }) => ipAddress)).size).toBe(20);
    await Promise.all(ids.map(remove));
    expect(await request("containers.list", { all: true })).toEqual([]);
  });

  it("shows its processes, changes and layers", async () => {
    const id = await runContainer(engine, { command: ["sh", "-c", "echo new >/root/file; rm /bin/true; sleep 300"] });
    await eventually(async () => {
      const { changes } = await request("containers.changes", { container: id, limit: 100 });
      return changes.some(({ path, kind }) => path === "/bin/true" && kind === "deleted");
    });
    const { changes } = await request("containers.changes", { container: id, limit: 100 });
    expect(changes).toContainEqual({ path: "/root/file", kind: "added", size: 4, type: "file" });
    const top = await request("containers.top", { container: id, arguments: [] });
    expect(top.processes.map((row) => row.at(-1)).sort()).toEqual(expect.arrayContaining(["sleep 300"]));
    const layers = await request("layers.ofContainer", { container: id });
    expect(layers.layers).toHaveLength(1);
    expect(layers.writable).toMatchObject({ added: 1, deleted: 1, size: 4 });
    const inspected = await request("containers.inspect", { container: id });
    expect(inspected).toMatchObject({ Id: id, State: { Status: "running", Running: true, ExitCode: 0 } });
    await remove(id);
  });

  it("tells docker's events in order", async () => {
    const events: EngineEvent[] = [];
    const subscription = await engine.client.subscribe("events", { since: null, until: null }, (event) => {
      events.push(event);
    });
    const id = await createContainer(engine, { name: "told", command: ["true"], labels: { a: "b" } });
    const exited = wait(id, "next-exit");
    await request("containers.start", { container: id });
    await exited;
    await request("containers.rename", { container: id, name: "retold" });
    await remove(id);
    await eventually(() => events.at(-1)?.action === "destroy");
    subscription.close();
    const own = events.filter((event) => event.id === id);
    expect(own.map(({ action }) => action)).toEqual(["create", "start", "die", "rename", "destroy"]);
    expect(own[0]?.attributes).toEqual({ name: "told", image: "gantry/busybox", a: "b" });
    expect(own[2]?.attributes).toMatchObject({ exitCode: "0" });
  });
});

describe("restart policies", () => {
  it("bring back what failed, as often as they say", async () => {
    const id = await createContainer(engine, {
      command: ["sh", "-c", "echo again; exit 3"],
      restartPolicy: { name: "on-failure", maximumRetryCount: 2 },
    });
    const stopped = wait(id, "next-exit");
    await request("containers.start", { container: id });
    expect(await stopped).toBe(3);
    await eventually(async () => (await findContainer(engine, id))?.status === "exited");
    expect(await findContainer(engine, id)).toMatchObject({ restartCount: 2, exitCode: 3 });
    expect(await readLog(engine, id)).toBe("again\nagain\nagain\n");
    await remove(id);
  });

  it("leave alone what was stopped by hand, also between two tries", async () => {
    const id = await runContainer(engine, {
      command: ["false"],
      restartPolicy: { name: "always", maximumRetryCount: 0 },
    });
    await eventually(async () => ((await findContainer(engine, id))?.restartCount ?? 0) >= 2);
    await request("containers.stop", { container: id, timeout: 1 });
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited" });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await findContainer(engine, id)).toMatchObject({ status: "exited" });
    await remove(id);
  });
});

describe("refusals", () => {
  it("name what is wrong, and leave nothing", async () => {
    const id = await createContainer(engine, { name: "taken" });
    await expect(createContainer(engine, { name: "taken" })).rejects.toMatchObject({
      code: "already-exists",
      exitCode: 125,
      message: expect.stringContaining("container name taken is in use"),
    });
    await expect(createContainer(engine, { image: "no/such" })).rejects.toMatchObject({ code: "not-found" });
    await expect(createContainer(engine, { workingDirectory: "relative" })).rejects.toThrow("not an absolute path");
    await expect(createContainer(engine, { capAdd: ["CAP_NONSENSE"] })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    await expect(request("containers.kill", { container: id, signal: "KILL" })).rejects.toThrow("taken is not running");
    await expect(request("containers.start", { container: "nobody" })).rejects.toThrow("no such container: nobody");
    expect((await request("containers.list", { all: true })).map(({ name }) => name)).toEqual(["taken"]);
    await remove(id);
  });

  it("keep a running container from a removal without force", async () => {
    const id = await runContainer(engine, { name: "busy" });
    await expect(request("containers.remove", { container: id, force: false, volumes: false })).rejects.toMatchObject({
      code: "failed-precondition",
      message: "container busy is running",
    });
    await remove(id);
  });

  it.each([
    [["no-such-program"], 127, "not found"],
    [["/etc"], 126, "cannot be run"],
  ])("give docker's exit code for the command %j", async (command, exitCode, message) => {
    const id = await createContainer(engine, { command });
    await expect(request("containers.start", { container: id })).rejects.toMatchObject({
      exitCode,
      message: expect.stringContaining(message),
    });
    expect(await findContainer(engine, id)).toMatchObject({ status: "created", exitCode });
    expect(mountsOf(id)).toEqual([]);
    await remove(id);
  });

  it("undo a start whose port is taken", async () => {
    const server = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const id = await createContainer(engine, {
      ports: [{ hostAddress: "", hostPort: port, containerPort: 80, protocol: "tcp" }],
    });
    await expect(request("containers.start", { container: id })).rejects.toThrow(String(port));
    expect(mountsOf(id)).toEqual([]);
    expect((await findContainer(engine, id))?.error).toContain(String(port));
    server.close();
    await request("containers.start", { container: id });
    expect((await findContainer(engine, id))?.ports).toMatchObject([{ hostPort: port, containerPort: 80 }]);
    await remove(id);
  });

  it("let twenty acts on one container come at once", async () => {
    const id = await createContainer(engine, { name: "crowd" });
    const acts = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? request("containers.start", { container: id })
        : request("containers.stop", { container: id, timeout: 0 }),
    );
    const results = await Promise.allSettled(acts);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    await remove(id);
    expect(await findContainer(engine, id)).toBeUndefined();
    expect(mountsOf(id)).toEqual([]);
  });
});
