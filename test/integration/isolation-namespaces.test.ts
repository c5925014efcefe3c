import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import {
  eventually,
  findContainer,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";

let engine: TestEngine;
const made: string[] = [];

beforeAll(async () => {
  engine = await startTestEngine();
});
afterEach(async () => {
  for (const id of made.splice(0).reverse()) await remove(id);
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });

async function run(wishes: Partial<CreateRequest>): Promise<string> {
  const id = await runContainer(engine, { network: "none", ...wishes });
  made.push(id);
  return id;
}

const sleeper = (wishes: Partial<CreateRequest>) => run({ command: ["sleep", "100"], ...wishes });

/** What a shell says in a container of its own. */
async function told(wishes: Partial<CreateRequest>, script: string): Promise<string> {
  const id = await run({ ...wishes, command: ["sh", "-c", `exec 2>&1; ${script}`] });
  await request("containers.wait", { container: id, condition: "stopped" });
  return (await readLog(engine, id)).trim();
}

const pidOf = async (id: string) => (await findContainer(engine, id))?.pid ?? 0;
const namespaceOf = (pid: number | "self", type: string) => readlinkSync(`/proc/${pid}/ns/${type}`);

describe("namespaces", () => {
  it("are a container's own unless it asks for the host's", async () => {
    const own = await pidOf(await sleeper({}));
    const host = await pidOf(
      await sleeper({ ipcMode: "host", pidMode: "host", utsMode: "host", cgroupnsMode: "host", network: "host" }),
    );
    for (const type of ["ipc", "pid", "uts", "cgroup", "net", "mnt"]) {
      expect(namespaceOf(own, type), type).not.toBe(namespaceOf("self", type));
    }
    for (const type of ["ipc", "pid", "uts", "cgroup", "net", "user"]) {
      expect(namespaceOf(host, type), type).toBe(namespaceOf("self", type));
    }
  });

  it("of the host show what is the host's", async () => {
    expect(await told({ utsMode: "host" }, "hostname")).toBe(hostname());
    expect(await told({ pidMode: "host" }, `cat /proc/${process.pid}/comm`)).not.toMatch(/No such file/);
    const name = `gantry-test-${process.pid}`;
    writeFileSync(join("/dev/shm", name), "from the host");
    try {
      expect(await told({ ipcMode: "host" }, `cat /dev/shm/${name}`)).toBe("from the host");
      expect(await told({}, `cat /dev/shm/${name}`)).toMatch(/No such file/);
    } finally {
      rmSync(join("/dev/shm", name));
    }
  });

  it("of another container are joined, with its shared memory", async () => {
    const donor = await sleeper({ ipcMode: "shareable", shmSize: 1024 * 1024, name: "donor" });
    const exec = "echo said > /dev/shm/word; df -k /dev/shm | tail -1";
    expect(await told({ ipcMode: "container:donor" }, exec)).toMatch(/^shm\s+1024\s/);
    const joiner = await sleeper({ ipcMode: `container:${donor.slice(0, 12)}`, pidMode: "container:donor" });
    for (const type of ["ipc", "pid"]) {
      expect(namespaceOf(await pidOf(joiner), type)).toBe(namespaceOf(await pidOf(donor), type));
    }
    expect(await told({ ipcMode: `container:${joiner}` }, "cat /dev/shm/word")).toBe("said");
    expect(await told({ pidMode: "container:donor" }, "ps -o args")).toContain("sleep 100");
  });

  it("are of the same container after it got another name, and somebody else its old one", async () => {
    const donor = await sleeper({ ipcMode: "shareable", name: "giver" });
    const mode = "container:giver";
    const joiner = await sleeper({ network: mode, ipcMode: mode, pidMode: mode });
    await request("containers.rename", { container: donor, name: "renamed" });
    await sleeper({ ipcMode: "shareable", name: "giver" });
    await request("containers.stop", { container: joiner, timeout: 0 });
    await request("containers.start", { container: joiner });
    for (const type of ["ipc", "pid", "net"]) {
      expect(namespaceOf(await pidOf(joiner), type), type).toBe(namespaceOf(await pidOf(donor), type));
    }
    const { HostConfig } = await request("containers.inspect", { container: joiner });
    const pinned = `container:${donor}`;
    expect(HostConfig).toMatchObject({ NetworkMode: pinned, IpcMode: pinned, PidMode: pinned });
  });

  it("shared by a donor leave nothing on the host with it, and the joiners keep what they have", async () => {
    const donor = await sleeper({ ipcMode: "shareable" });
    const joiner = await sleeper({ ipcMode: `container:${donor}` });
    const shm = join(engine.config.run, "shm");
    expect(readdirSync(shm)).toEqual([donor]);
    // What is in it may be everybody's: nobody else of the host gets there.
    expect(statSync(shm).mode & 0o777).toBe(0o700);
    await request("containers.stop", { container: donor, timeout: 0 });
    await eventually(() => readdirSync(shm).length === 0);
    expect(listMounts().filter(({ target }) => target.startsWith(shm))).toEqual([]);
    expect(existsSync(`/proc/${await pidOf(joiner)}/root/dev/shm`)).toBe(true);
    await request("containers.start", { container: donor });
    expect(readdirSync(shm)).toEqual([donor]);
  });

  it.each([
    [{ ipcMode: "container:private" }, "container private keeps its ipc namespace to itself"],
    [{ ipcMode: "container:stopped" }, "cannot join ipc namespace of a non running container: stopped"],
    [{ pidMode: "container:stopped" }, "cannot join pid namespace of a non running container: stopped"],
    [{ pidMode: "container:nobody" }, "no such container: nobody"],
    [{ ipcMode: "mine" }, '--ipc "mine" is not known'],
    [{ pidMode: "none" }, '--pid "none" is not known'],
    [{ utsMode: "host", hostname: "x" }, "--hostname cannot be set together with --uts host"],
    [{ ipcMode: "host", sysctls: { "kernel.shmmax": "1" } }, "whose ipc namespace the container is in"],
  ])("say in one sentence why not: %j", async (wishes, sentence) => {
    await sleeper({ name: "private" });
    const stopped = await sleeper({ name: "stopped" });
    await request("containers.kill", { container: stopped, signal: "KILL" });
    await request("containers.wait", { container: stopped, condition: "stopped" });
    await expect(sleeper(wishes as Partial<CreateRequest>)).rejects.toThrow(sentence);
    const left = (await request("containers.list", { all: true })).filter(({ id }) => !made.includes(id));
    for (const { id } of left) await remove(id);
  });

  it("with nothing at /dev/shm, when ipc is none", async () => {
    expect(await told({ ipcMode: "none" }, "grep -c /dev/shm /proc/mounts")).toBe("0");
  });

  it("take domain names", async () => {
    const wishes = { hostname: "box", domainname: "example.org", network: "bridge" };
    expect(await told(wishes, "cat /proc/sys/kernel/domainname; grep box /etc/hosts | cut -f2")).toBe(
      "example.org\nbox.example.org box",
    );
  });
});

describe("a container that sees the host's processes", () => {
  it("takes all of its own with it at its end, and none of the host's", async () => {
    const script = "sleep 1234 & setsid sleep 1235 & exec sleep 1236";
    const id = await run({ pidMode: "host", command: ["sh", "-c", script] });
    const bystander = await sleeper({ pidMode: "host" });
    const processes = async () => (await request("containers.top", { container: id, arguments: [] })).processes.length;
    await eventually(async () => (await processes()) === 3);
    await request("containers.pause", { container: id });
    await request("containers.kill", { container: id, signal: "KILL" });
    await request("containers.wait", { container: id, condition: "stopped" });
    const isLeft = () => readdirSync("/proc").some((pid) => isSleeping(pid));
    await eventually(() => !isLeft());
    expect(await findContainer(engine, bystander)).toMatchObject({ status: "running" });
  });
});

function isSleeping(pid: string): boolean {
  if (!/^\d+$/.test(pid)) return false;
  try {
    return /^sleep.123[456]/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  } catch {
    return false;
  }
}
