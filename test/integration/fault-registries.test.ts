import { randomBytes } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hexOf, sha256 } from "../../engine/oci/digest.ts";
import { eventually } from "../support/engine.ts";
import { type FaultEngine, FaultHost } from "../support/fault-engine.ts";
import { type Fault, FaultProxy, type SeenRequest } from "../support/fault-proxy.ts";
import { gantryFor, TerminalCommand } from "../support/gantry-command.ts";
import { dockerArchive } from "../support/images-archives.ts";
import { leftovers, openImagesEngine } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { tarOf } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { tarOf as membersOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";
import { zipBomb } from "../support/zip-bomb.ts";

type Document = { layers: { digest: string; size: number }[] };
const manifestType = "application/vnd.oci.image.manifest.v1+json";

let files: TempRoot;
let host: FaultHost;
let engine: FaultEngine;
let registry: TestRegistry;
let proxy: FaultProxy;
let put: Awaited<ReturnType<typeof putLayers>>;
let reference: string;
let document: Document;
const gantry = (...args: string[]) => gantryFor(host.config)(args);

/** The root is a file system of its own, of 64 MB. */
beforeAll(async () => {
  files = await tempRoot();
  host = await FaultHost.open();
  const disk = files.join("disk");
  host.shell(`truncate -s 64M ${disk}; mkfs.ext4 -q ${disk}; mount -o loop ${disk} ${host.config.root}`);
  engine = await host.start();
  await engine.waitForImage();
  registry = await startRegistry();
  proxy = await FaultProxy.start(registry.url);
  put = await putLayers(registry, "web", [[["big", randomBytes(2_000_000)]], [["etc/motd", "hi"]]]);
  reference = `${proxy.address}/web:latest`;
  const headers = { accept: manifestType };
  document = (await (await fetch(`${registry.url}/v2/web/manifests/latest`, { headers })).json()) as Document;
}, 60_000);
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
}, 60_000);

/** One sentence that names the object and the reason, then perhaps what to do. */
const sentence = /^gantry: (?!.*undefined).{10,400}\n(hint: .{5,200}\n)?$/;

/** The store is whole, and nothing of what failed is left; a download that was cut may wait for the next try. */
async function expectUnharmed(): Promise<void> {
  expect(await gantry("engine", "fsck")).toMatchObject({ code: 0, stderr: "" });
  const layers = join(host.seen(host.config.root), "layers");
  await eventually(() => readdirSync(layers).every((name) => !name.startsWith(".")), 5);
  expect((await gantry("images", "-q")).stdout.trim().split("\n")).toHaveLength(1);
}

async function expectFailure(args: readonly string[], message: RegExp): Promise<void> {
  const { code, stderr, stdout } = await gantry(...args);
  expect(stderr).toMatch(sentence);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  expect(stdout).not.toContain("Downloaded");
}

const isManifest = ({ url }: SeenRequest): boolean => url.includes("/manifests/");
const isLayer = ({ method, url }: SeenRequest): boolean =>
  method === "GET" && url.endsWith(sha256(put.blobs[0]?.bytes ?? Buffer.of()));
const answer = (body: string | Buffer, headers: Record<string, string> = {}): Fault => ({
  type: "answer",
  status: 200,
  body,
  headers,
});
/** Another manifest, which is what its own digest says. */
const manifestWith =
  (change: (manifest: Document) => void) =>
  (request: SeenRequest): Fault | null => {
    if (!isManifest(request)) return null;
    const manifest: Document = structuredClone(document);
    change(manifest);
    return answer(JSON.stringify(manifest), { "content-type": manifestType });
  };

describe("a pull", () => {
  const faults: readonly (readonly [string, (request: SeenRequest) => Fault | null, RegExp])[] = [
    [
      "a registry that redirects in a loop",
      (request) => (isManifest(request) ? { type: "redirect", to: "" } : null),
      /redirects more than 5 times/,
    ],
    [
      "a registry that redirects to http elsewhere",
      (request) => (isLayer(request) ? { type: "redirect", to: "http://storage.example/blob" } : null),
      /redirects to storage\.example without encryption/,
    ],
    [
      "4 GB of JSON",
      (request) =>
        isManifest(request) && request.method === "GET"
          ? { type: "answer", status: 200, headers: { "content-type": manifestType }, endless: true }
          : null,
      /is longer than 8 MiB/,
    ],
    [
      "a layer that is longer than its manifest says",
      (request) => (isLayer(request) ? answer(Buffer.alloc((put.blobs[0]?.bytes.length ?? 0) + 100)) : null),
      /gives a length of \d+ for blob \S+ of \S+, whose size is \d+/,
    ],
    [
      "other bytes of the right length",
      (request) => (isLayer(request) ? answer(Buffer.alloc(put.blobs[0]?.bytes.length ?? 0, 7)) : null),
      /blob sha256:[0-9a-f]{64} cannot be unpacked: unpack layer: this is no tar archive/,
    ],
    [
      "a manifest that is not what its digest says",
      (request) =>
        isManifest(request) && request.method === "GET" ? answer("{}", { "content-type": manifestType }) : null,
      /manifest/,
    ],
    [
      "a manifest with a wrong size",
      manifestWith(({ layers }) => {
        for (const layer of layers) layer.size += 1;
      }),
      /: registry \S+ gives a length of \d+ for blob \S+ of \S+, whose size is \d+/,
    ],
    [
      "a manifest with a wrong digest",
      manifestWith(({ layers }) => {
        for (const layer of layers) layer.digest = sha256("nothing");
      }),
      /blob \S+ of \S+ (was )?not found|blob .* not found/,
    ],
    [
      "a manifest with its layers in another order",
      manifestWith(({ layers }) => layers.reverse()),
      /layer digest mismatch: want sha256:[0-9a-f]{64}, got sha256:/,
    ],
    ["no such image", (request) => (isManifest(request) ? { type: "answer", status: 404 } : null), /no such image/],
    [
      "a registry that wants a password",
      () => ({ type: "answer", status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }),
      /login/,
    ],
  ];
  it.each(faults)("says what is wrong and harms nothing: %s", async (_, fault, message) => {
    proxy.fault = fault;
    await expectFailure(["pull", reference], message);
    await expectUnharmed();
    proxy.fault = () => null;
    expect(await gantry("pull", "-q", reference)).toMatchObject({ code: 0, stdout: `${reference}\n` });
    expect((await gantry("rmi", reference)).code).toBe(0);
  });

  it("goes on after a cut, and leaves a registry that hangs with Ctrl-C", async () => {
    proxy.fault = (request, count) => (isLayer(request) && count === 1 ? { type: "cut", after: 1_000_000 } : null);
    expect(await gantry("pull", "-q", reference)).toMatchObject({ code: 0 });
    expect((await gantry("rmi", reference)).code).toBe(0);
    proxy.fault = (request) => (isLayer(request) ? { type: "hang", after: 1_000_000 } : null);
    using command = new TerminalCommand(host.config, ["pull", reference]);
    await command.see("Downloading");
    command.type("\x03");
    expect(await command.ended).toBe(130);
    await eventually(async () => (await gantry("engine", "fsck")).code === 0);
    await expectUnharmed();
    proxy.fault = () => null;
    expect((await gantry("pull", "-q", reference)).code).toBe(0);
    expect((await gantry("rmi", reference)).code).toBe(0);
  });

  it("of a layer that is 8 GB of zeros ends with a full disk, in little memory", async () => {
    await putBomb();
    const before = memoryPeak();
    await expectFailure(["pull", bomb()], /no space left on the disk/);
    await expectUnharmed();
    expect(memoryPeak() - before).toBeLessThan(100);
  });

  it("of such a layer is cancelled in the middle of it, and leaves nothing", async () => {
    await putBomb();
    await using images = await openImagesEngine();
    const abort = new AbortController();
    const pulling = images.images.pull(pullOf(bomb()), { signal: abort.signal, onProgress: () => {} });
    pulling.catch(() => {});
    const staged = () => readdirSync(join(images.root, "layers")).find((name) => name.startsWith(".new-"));
    const unpacked = () =>
      statSync(join(images.root, "layers", staged() ?? "none", "fs/zeros"), { throwIfNoEntry: false });
    await eventually(() => (unpacked()?.size ?? 0) > 50_000_000);
    const begin = performance.now();
    abort.abort();
    await expect(pulling).rejects.toMatchObject({ code: "cancelled" });
    expect(performance.now() - begin).toBeLessThan(3_000);
    await images.images.prune({ all: true, until: null, labels: [] }, false);
    expect(await leftovers(images)).toEqual([]);
  });
});

const bomb = (): string => `${registry.address}/bomb:latest`;

async function putBomb(): Promise<void> {
  const size = 8_000 * 1024 * 1024;
  const head = membersOf([{ path: "zeros", size }], { end: false }).bytes.subarray(0, 512);
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", bytes: zipBomb(head, 8_000) };
  const rootfs = { type: "layers", diff_ids: [sha256("x")] };
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", rootfs }));
  await registry.putImage("bomb", "latest", { layers: [layer], config });
}

/** MB. */
function memoryPeak(): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, "utf8"))?.[1]) / 1024;
}

describe("a disk that is full", () => {
  it("ends a pull, a load, a commit, and a copy into a container with a sentence, and gives its space back", async () => {
    await putLayers(registry, "large", [[["large", randomBytes(40_000_000)]]], { compression: "none" });
    writeFileSync(files.join("large.tar"), await tarOf(await dockerArchive([[["l", randomBytes(62_000_000)]]], "l:1")));
    const fill = ["dd", "if=/dev/urandom", "of=/f", "bs=1M", "count=24"];
    expect(await gantry("run", "--name", "full", "gantry/busybox", ...fill)).toMatchObject({
      stdout: "",
      code: 0,
      stderr: expect.stringContaining("records out"),
    });
    writeFileSync(files.join("file"), randomBytes(60_000_000));
    const free = host.free();
    for (const args of [
      ["pull", `${registry.address}/large`],
      ["load", "-i", files.join("large.tar")],
      ["commit", "full", "committed:1"],
      ["cp", files.join("file"), "full:/file"],
    ]) {
      await expectFailure(args, /no space left on the disk/);
      expect((await gantry("engine", "fsck")).stdout).toMatch(/all is well/);
      if (args[0] !== "cp") await eventually(() => Math.abs(host.free() - free) < 200_000);
    }
    const filled = [
      "sh",
      "-c",
      "dd if=/dev/zero of=/g bs=64k 2>/dev/null; dd if=/dev/zero of=/h bs=1 2>/dev/null; true",
    ];
    await gantry("run", "--name", "fuller", "gantry/busybox", ...filled);
    const pushed = `${registry.address}/busybox:1`;
    await gantry("tag", "gantry/busybox", pushed);
    await expectFailure(["push", pushed], /no space left on the disk/);
    expect((await gantry("rm", "full", "fuller")).code).toBe(0);
    await eventually(async () => (await gantry("push", "-q", pushed)).code === 0);
    expect((await gantry("rmi", pushed)).code).toBe(0);
    await eventually(() => host.free() > free + 20_000_000);
    expect((await gantry("pull", "-q", `${registry.address}/web`)).code).toBe(0);
    // The archive goes to the client, whose disk is full.
    const { code, stderr } = await gantry("save", "-o", "/dev/full", `${registry.address}/web`);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
    expect((await gantry("rmi", `${registry.address}/web`)).code).toBe(0);
    await expectUnharmed();
  });
});

it("tells a blob that was damaged on the disk, and repairs it", async () => {
  expect((await gantry("pull", "-q", reference)).code).toBe(0);
  const digest = sha256(put.blobs[0]?.bytes ?? Buffer.of());
  const path = join(host.seen(host.config.root), "blobs/sha256", hexOf(digest));
  const bytes = readFileSync(path);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  const found = await gantry("engine", "fsck");
  expect(found.code).toBe(1);
  expect(found.stdout).toContain(`blob ${digest}: was damaged on disk: its bytes hash to sha256:`);
  expect(found.stdout).toContain(`  repair: removed; pull ${reference}, or load it, again\n`);
  await using elsewhere = await startRegistry();
  const other = `${elsewhere.address}/other:1`;
  await gantry("tag", reference, other);
  await expectFailure(["push", other], /damaged/);
  await expectFailure(["save", "-o", files.join("saved.tar"), reference], /damaged/);
  const json = await gantry("engine", "fsck", "--format", "json");
  expect(JSON.parse(json.stdout).findings).toMatchObject([{ kind: "blob", object: digest }]);
  expect(await gantry("engine", "fsck", "--repair")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/repaired: removed[\s\S]*1 problem, 1 repaired\n$/),
  });
  expect((await gantry("pull", "-q", reference)).code).toBe(0);
  expect((await gantry("engine", "fsck")).code).toBe(0);
  expect((await gantry("push", "-q", other)).code).toBe(0);
  expect((await gantry("rmi", reference, other)).code).toBe(0);
  await expectUnharmed();
});
