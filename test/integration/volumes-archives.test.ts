import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lgetxattr } from "../../engine/host/syscalls.ts";
import type { StateItem } from "../../engine/protocol/state.ts";
import { importVolume } from "../../src/client/upload.ts";
import { createContainer, eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { listingOf, receive } from "../support/tar-listing.ts";
import { type TarItem, tarOf } from "../support/tar-of.ts";
import { anonymousVolume, namedVolume, outputOf } from "../support/volumes.ts";

let engine: TestEngine;
let outside: string;
beforeAll(async () => {
  engine = await startTestEngine();
  outside = mkdtempSync("/tmp/gantry-test-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const create = (name: string) => request("volumes.create", { name, driver: "local", options: {}, labels: {} });
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const prune = () => request("volumes.prune", { all: true, labels: [], dryRun: false });
const dataOf = (name: string) => join(engine.config.root, "volumes", name, "_data");
const load = (volume: string, bytes: Uint8Array) =>
  importVolume(
    engine.client,
    (async function* () {
      yield bytes;
    })(),
    volume,
  );
const save = (volume: string) => receive(engine, (streamID) => request("volumes.export", { volume, streamID }));
const pack = (items: readonly TarItem[]) => tarOf(items).bytes;

it("brings a volume to another place whole", async () => {
  await create("from");
  await create("to");
  const script = `cd ${dataOf("from")}; chmod 2770 .; chown 70:71 .; echo x > a; ln a b; chmod 4755 a; mkdir d; ln -s /etc d/l; mkfifo p
    head -c 3000000 /dev/urandom > big; setfattr -n user.k -v v a 2>/dev/null || true; touch -d @1234567890 d .`;
  execFileSync("sh", ["-ec", script]);
  const tar = await save("from");
  expect((await listingOf(tar)).map((line) => line.split(" = ")[0])).toEqual([
    "./",
    "./a",
    "./b => ./a",
    "./big",
    "./d/",
    "./d/l -> /etc",
    "./p",
  ]);
  expect(await load("to", gzipSync(tar))).toMatchObject({ bytes: expect.any(Number) });
  expect(execFileSync("diff", ["-r", "--no-dereference", "--exclude=p", dataOf("from"), dataOf("to")]).toString()).toBe(
    "",
  );
  expect(lstatSync(dataOf("to"))).toMatchObject({ uid: 70, gid: 71, mtimeMs: 1_234_567_890_000 });
  expect(lstatSync(dataOf("to")).mode & 0o7777).toBe(0o2770);
  expect(lstatSync(join(dataOf("to"), "a"))).toMatchObject({ nlink: 2, ino: lstatSync(join(dataOf("to"), "b")).ino });
  expect(lstatSync(join(dataOf("to"), "p")).isFIFO()).toBe(true);
  // Over what is there.
  await load(
    "to",
    pack([
      { path: "a", data: "new\n" },
      { path: "d/", mode: 0o700 },
      { path: "d/more", data: "m" },
    ]),
  );
  expect(readFileSync(join(dataOf("to"), "a"), "utf8")).toBe("new\n");
  expect(readdirSync(join(dataOf("to"), "d"))).toEqual(["l", "more"]);
  await prune();
});

it("unpacks hostile tars inside the volume, and nothing at all of broken ones", async () => {
  await create("vv");
  writeFileSync(join(outside, "victim"), "safe");
  const hostile: TarItem[][] = [
    [
      { path: "up", type: "2", linkPath: outside },
      { path: "up/evil", data: "x" },
    ],
    [
      { path: "up", type: "2", linkPath: `../../../../../..${outside}` },
      { path: "up/victim", data: "x" },
    ],
    [{ path: `../../../../..${outside}/evil`, data: "x" }],
    [{ path: `${outside}/evil`, data: "x" }],
    [
      { path: "hard", type: "1", linkPath: join(outside, "victim") },
      { path: "hard", data: "x" },
    ],
    [
      { path: ".", type: "2", linkPath: outside },
      { path: "evil", data: "x" },
    ],
    [{ path: "./", pax: { "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.security.selinux": "z" } }],
  ];
  for (const items of hostile) await load("vv", pack(items)).catch(() => {});
  expect(readdirSync(outside)).toEqual(["victim"]);
  expect(readFileSync(join(outside, "victim"), "utf8")).toBe("safe");
  expect(lgetxattr(dataOf("vv"), "trusted.overlay.opaque")).toBeNull();
  await create("ww");
  const cut = pack([
    { path: "one", data: "1" },
    { path: "two", data: "x".repeat(5000) },
  ]).subarray(0, 2500);
  await expect(load("ww", cut)).rejects.toMatchObject({ code: "corrupt" });
  expect(readdirSync(dataOf("ww"))).toEqual([]);
  expect(readdirSync(join(dataOf("ww"), ".."))).toEqual(["_data"]);
  await expect(load("none", cut)).rejects.toMatchObject({ code: "not-found" });
  await prune();
});

it("keeps a volume that is being read, and an import that dies with the engine leaves nothing", async () => {
  await create("busy");
  let go = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const slow = importVolume(
    engine.client,
    (async function* () {
      yield pack([{ path: "f", data: "y" }]).subarray(0, 600);
      await gate;
      yield pack([{ path: "f", data: "y" }]).subarray(600);
    })(),
    "busy",
  );
  slow.catch(() => {});
  await eventually(() => readdirSync(join(dataOf("busy"), "..")).length === 2);
  await expect(request("volumes.remove", { volume: "busy", force: true })).rejects.toThrow(
    "is being exported or imported",
  );
  expect(await prune()).toMatchObject({ removed: [] });
  await engine.stop("SIGKILL");
  go();
  await engine.start();
  expect(readdirSync(join(dataOf("busy"), ".."))).toEqual(["_data"]);
  expect(readdirSync(dataOf("busy"))).toEqual([]);
  await prune();
});

it("tells of volumes on the state feed, in events, in df and in summaries, with sizes measured aside", async () => {
  const items: StateItem[] = [];
  const feed = await engine.client.subscribe("state", { resume: null }, (item) => items.push(item));
  const last = () => items.flatMap((item) => (item.volumes === undefined ? [] : [item.volumes])).at(-1) ?? [];
  const events: string[] = [];
  const bus = await engine.client.subscribe("events", { since: null, until: null } as never, (event) => {
    if (event.type === "volume") events.push(`${event.action} ${event.id} ${JSON.stringify(event.attributes)}`);
  });
  await eventually(() => items.length > 0);
  const container = await runContainer(engine, {
    command: ["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x > /d/f"],
    mounts: [namedVolume("sized", "/d"), namedVolume("seen", "/e", { readOnly: true })],
  });
  await eventually(() => last().find(({ name }) => name === "sized")?.usedBy[0] === container);
  await request("containers.wait", { container, condition: "stopped" });
  await remove(container);
  await eventually(async () => (await request("volumes.list", {})).find(({ name }) => name === "sized")?.size !== null);
  await eventually(() => (last().find(({ name }) => name === "sized")?.size ?? 0) >= 1_000_000);
  expect(last().map(({ usedBy }) => usedBy)).toEqual([[], []]);
  const { volumes } = await request("system.diskUsage", {});
  expect(volumes).toMatchObject({ total: 2, active: 0, size: expect.any(Number) });
  expect(volumes.items.find(({ name }) => name === "sized")).toMatchObject({ links: 0, driver: "local" });
  expect(volumes.reclaimable).toBe(volumes.size);
  await request("volumes.remove", { volume: "sized", force: false });
  const mounted = (rw: boolean, at: string) =>
    JSON.stringify({ driver: "local", container, destination: at, propagation: "", "read/write": String(rw) });
  await eventually(() => events.length >= 7);
  expect(events.toSorted()).toEqual([
    'create seen {"driver":"local"}',
    'create sized {"driver":"local"}',
    'destroy sized {"driver":"local"}',
    `mount seen ${mounted(false, "/e")}`,
    `mount sized ${mounted(true, "/d")}`,
    `unmount seen ${JSON.stringify({ driver: "local", container })}`,
    `unmount sized ${JSON.stringify({ driver: "local", container })}`,
  ]);
  feed.close();
  bus.close();
  await prune();
});

it("finds with fsck what is lost, and makes volumes of directories that nobody knows", async () => {
  await create("lost");
  await create("fine");
  renameSync(dataOf("lost"), join(outside, "moved"));
  mkdirSync(dataOf("stray"), { recursive: true });
  writeFileSync(join(dataOf("stray"), "f"), "somebody's");
  const find = async (repair: boolean) =>
    (await request("system.fsck", { repair })).findings
      .filter(({ kind }) => kind === "volume")
      .map(({ object, problem, repair: did }) => `${object}: ${problem}; ${did}`);
  const lost = `lost: its directory ${dataOf("lost")} is lost; `;
  expect((await find(false)).sort()).toEqual([lost, "stray: is a directory without a record; made a volume of it"]);
  const container = await createContainer(engine, { mounts: [namedVolume("lost", "/l")] });
  await expect(request("containers.start", { container })).rejects.toThrow("is lost");
  await remove(container);
  await find(true);
  expect(await find(false)).toEqual([lost]);
  expect(await outputOf(engine, ["cat", "/s/f"], { mounts: [namedVolume("stray", "/s")] })).toBe("somebody's");
  for (const volume of ["lost", "stray", "fine"]) await request("volumes.remove", { volume, force: false });
  expect(readdirSync(join(engine.config.root, "volumes"))).toEqual([]);
});

it("names what a container mounts as docker does, and copies through it", async () => {
  symlinkSync("/etc", join(outside, "link"));
  const container = await createContainer(engine, {
    mounts: [
      namedVolume("nn", "/n", { readOnly: true }),
      anonymousVolume("/a"),
      { ...namedVolume("mm", "/m", { noCopy: true, labels: { a: "b" } }), createSource: false },
    ],
    volumesFrom: [],
  });
  const inspected = (await request("containers.inspect", { container })) as {
    Mounts: { Destination: string; Mode: string; RW: boolean; Name: string }[];
    HostConfig: { Binds: unknown; Mounts: unknown };
    Config: { Volumes: unknown };
  };
  expect(inspected.Mounts.map(({ Destination, Mode, RW }) => [Destination, Mode, RW])).toEqual([
    ["/n", "ro", false],
    ["/a", "", true],
    ["/m", "z", true],
  ]);
  expect(inspected.HostConfig.Binds).toEqual(["nn:/n:ro"]);
  expect(inspected.HostConfig.Mounts).toEqual([
    { Type: "volume", Source: "mm", Target: "/m", VolumeOptions: { NoCopy: true, Labels: { a: "b" } } },
  ]);
  expect(inspected.Config.Volumes).toEqual({ "/a": {} });
  writeFileSync(join(dataOf("mm"), "f"), "of the volume");
  const copied = await receive(engine, (streamID) =>
    request("containers.copyOut", { container, path: "/m/f", streamID, followLink: false }),
  );
  expect(await listingOf(copied)).toEqual(["f = of the volume"]);
  const exported = await receive(engine, (streamID) => request("containers.export", { container, streamID }));
  expect((await listingOf(exported)).join("\n")).not.toContain("of the volume");
  const options = { reference: "made:1", author: "", message: "", changes: [], pause: false };
  await request("containers.commit", { container, ...options });
  expect(await outputOf(engine, ["sh", "-c", "ls -A /m || true"], { image: "made:1" })).not.toMatch(/^f$/m);
  await remove(container);
  await prune();
});
