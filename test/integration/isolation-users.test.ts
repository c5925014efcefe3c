import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { findContainer, readLog, starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

const size = 65_536;
let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;
const made: string[] = [];

beforeAll(async () => {
  engine = await startTestEngine();
  // Made by mkdtemp: nobody else gets through.
  chmodSync(join(engine.config.root, ".."), 0o711);
  gantry = gantryFor(engine.config);
  directory = mkdtempSync(join(tmpdir(), "gantry-test-"));
}, 60_000);
afterEach(async () => {
  for (const container of made.splice(0)) {
    await request("containers.remove", { container, force: true, volumes: true });
  }
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);

async function create(wishes: Partial<CreateRequest>): Promise<string> {
  const base = { ...emptyCreateRequest(starterImage), command: ["sleep", "300"], usernsMode: "auto" };
  const { id } = await request("containers.create", { ...base, ...wishes });
  made.push(id);
  return id;
}

async function run(wishes: Partial<CreateRequest>): Promise<string> {
  const id = await create(wishes);
  await request("containers.start", { container: id });
  return id;
}

async function told(wishes: Partial<CreateRequest>, script: string): Promise<string> {
  const id = await run({ ...wishes, command: ["sh", "-c", `exec 2>&1; ${script}`] });
  await request("containers.wait", { container: id, condition: "stopped" });
  return (await readLog(engine, id)).trim();
}

async function hostIDsOf(id: string): Promise<{ start: number; size: number }> {
  const pid = (await findContainer(engine, id))?.pid;
  const [inside, start, count] = readFileSync(`/proc/${pid}/uid_map`, "latin1").trim().split(/\s+/).map(Number);
  expect(inside).toBe(0);
  return { start: start ?? 0, size: count ?? 0 };
}

const gantryOut = async (...args: string[]) => (await gantry(args)).stdout.trim();

describe("a container whose root is nobody on the host", () => {
  it("is root inside, and has ids of its own outside", async () => {
    const [one, other] = [await run({}), await run({ usernsMode: "auto:size=1000" })];
    const [ids, others] = [await hostIDsOf(one), await hostIDsOf(other)];
    expect(ids.start).toBeGreaterThanOrEqual(2 ** 30);
    expect(ids.size).toBe(size);
    expect(others.size).toBe(1000);
    expect(others.start >= ids.start + ids.size || others.start + others.size <= ids.start).toBe(true);
    const pid = (await findContainer(engine, one))?.pid;
    expect(statSync(`/proc/${pid}`).uid).toBe(ids.start);
    expect(await told({}, "id -u; cat /proc/self/gid_map")).toMatch(/^0\n\s+0\s+\d{10}\s+65536$/);
  });

  it("owns its files as any root, while on the disk they are root's", async () => {
    const script = "touch /mine && chown 5:7 /mine && touch /root-own && echo x >> /etc/hosts && ls -ln /mine /bin/sh";
    const id = await run({ command: ["sh", "-c", `${script}; sleep 300`] });
    await expect.poll(() => readLog(engine, id)).toMatch(/ 5 +7 .*\/mine/);
    expect(await readLog(engine, id)).toMatch(/ 0 +0 .*\/bin\/sh/);
    const upper = join(engine.config.root, "containers", id, "upper");
    expect(statSync(join(upper, "mine"))).toMatchObject({ uid: 5, gid: 7 });
    expect(statSync(join(upper, "root-own"))).toMatchObject({ uid: 0, gid: 0 });
    expect(statSync(join(engine.config.root, "containers", id, "upper", ".dockerenv")).uid).toBe(0);
    expect(await gantryOut("diff", id)).toContain("A /root-own");
  });

  it("keeps all of that over restarts of itself and of the engine", async () => {
    const id = await run({ command: ["sh", "-c", "touch /here; sleep 300"] });
    const ids = await hostIDsOf(id);
    await engine.stop("SIGKILL");
    await engine.start();
    expect(await hostIDsOf(id)).toEqual(ids);
    await request("containers.restart", { container: id, timeout: 0 });
    expect(await hostIDsOf(id)).toEqual(ids);
    expect(await gantryOut("exec", id, "stat", "-c", "%u", "/here")).toBe("0");
    const other = await run({});
    expect((await hostIDsOf(other)).start).not.toBe(ids.start);
  });

  it("can be looked into, copied from and to, and made an image of", async () => {
    const id = await run({ command: ["sh", "-c", "mkdir /d; echo said > /d/f; chown 33:34 /d/f; sleep 300"] });
    await expect.poll(() => gantryOut("exec", id, "cat", "/d/f")).toBe("said");
    expect(await gantryOut("exec", id, "sh", "-c", "id -u; touch /by-exec; stat -c %u /by-exec")).toBe("0\n0");
    expect(await gantryOut("exec", "-u", "12", id, "id", "-u")).toBe("12");
    const out = join(directory, "out.tar");
    writeFileSync(out, (await gantry(["cp", `${id}:/d`, "-"])).stdout);
    expect(execFileSync("tar", ["--numeric-owner", "-tvf", out]).toString()).toMatch(/ 33\/34 +5 .* d\/f/);
    mkdirSync(join(directory, "in/below"), { recursive: true });
    writeFileSync(join(directory, "in/below/new"), "from the host");
    await gantry(["cp", join(directory, "in"), `${id}:/copied`]);
    expect(await gantryOut("exec", id, "stat", "-c", "%u %g %n", "/copied/below/new", "/copied")).toBe(
      "0 0 /copied/below/new\n0 0 /copied",
    );
    expect(await gantryOut("exec", id, "sh", "-c", "echo more >> /copied/below/new; cat /copied/below/new")).toBe(
      "from the hostmore",
    );
    await gantry(["commit", id, "of-nobody"]);
    expect(await gantryOut("run", "--rm", "of-nobody", "stat", "-c", "%u %g", "/d/f", "/by-exec")).toBe("33 34\n0 0");
    await gantry(["rmi", "of-nobody"]);
  });

  it("has a network, and ports below 1024, of its own", async () => {
    expect(
      await told(
        { network: "bridge" },
        "ip addr show eth0 | grep -c inet; ping -c 1 -W 2 $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p') | grep -c '1 packets received'",
      ),
    ).toBe("1\n1");
    expect(
      await told({ capAdd: ["NET_ADMIN"], network: "none" }, "ip addr add 10.9.9.9/32 dev lo && ip addr show lo"),
    ).toContain("10.9.9.9/32");
    expect(await told({ network: "none" }, "httpd -p 80; cat /proc/net/tcp* | grep -c :0050")).toBe("1");
  });

  it("cannot write what is the host's root's, though it is bound into it", async () => {
    const bound = join(directory, "bound");
    mkdirSync(bound);
    writeFileSync(join(bound, "secret"), "x", { mode: 0o600 });
    const mounts = [
      { type: "bind" as const, source: bound, target: "/bound", readOnly: false, createSource: false, options: [] },
    ];
    const said = await told({ mounts }, "cat /bound/secret; touch /bound/new; stat -c %u /bound");
    expect(said.split("\n")).toEqual([
      expect.stringContaining("Permission denied"),
      expect.stringContaining("Permission denied"),
      "65534",
    ]);
    expect(existsSync(join(bound, "new"))).toBe(false);
  });

  it("shares volumes with others, each with its own root", async () => {
    const mounts = [
      { type: "volume" as const, source: "shared", target: "/data", readOnly: false, createSource: false, options: [] },
    ];
    expect(await told({ mounts }, "echo one > /data/f; chown 8:9 /data/f; stat -c %u:%g /data /data/f")).toBe(
      "0:0\n8:9",
    );
    expect(await told({ mounts, usernsMode: "" }, "stat -c %u:%g /data/f; touch /data/g")).toBe("8:9");
    expect(await told({ mounts }, "stat -c %u:%g /data/f /data/g; cat /data/f")).toBe("8:9\n0:0\none");
    const id = await run({ mounts });
    writeFileSync(join(directory, "into"), "copied");
    await gantry(["cp", join(directory, "into"), `${id}:/data/copied`]);
    expect(await gantryOut("exec", id, "stat", "-c", "%u", "/data/copied")).toBe("0");
    expect(listMounts().filter(({ target }) => target.includes("/mapped/"))).toEqual([]);
    expect(statSync(join(engine.config.run, "mapped")).mode & 0o777).toBe(0o700);
    expect(await told({ ipcMode: "shareable" }, "touch /dev/shm/mine && stat -c %u /dev/shm/mine")).toBe("0");
  });

  it("writes to its standard streams by name, and has a terminal", async () => {
    expect(await told({}, "echo by name > /dev/stdout; echo err > /proc/self/fd/2")).toBe("by name\nerr");
    const id = await run({ terminal: true, command: ["sh", "-c", "stat -c %u $(tty); echo to > /dev/tty; sleep 300"] });
    await expect.poll(() => readLog(engine, id)).toMatch(/^0\r?\nto/);
    expect(await gantryOut("exec", id, "sh", "-c", "echo by name > /dev/stdout")).toBe("by name");
  });

  it.each([
    [{ privileged: true }, "--userns auto cannot be used together with --privileged"],
    [{ network: "host" }, "--userns auto cannot be used together with --network host"],
    [{ pidMode: "host" }, "--userns auto cannot be used together with --pid host"],
    [{ ipcMode: "host" }, "--userns auto cannot be used together with --ipc host"],
    [{ usernsMode: "auto:size=0" }, "--userns auto:size=0: the size is not between 1 and 1048576"],
    [{ usernsMode: "keep-id" }, '--userns "keep-id" is not known'],
  ])("says in one sentence why not: %j", async (wishes, sentence) => {
    await expect(create(wishes)).rejects.toThrow(sentence);
  });
});
