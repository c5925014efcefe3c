import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deliverOutput, type Outcome } from "../../engine/builder/output/deliver-output.ts";
import { scanImage } from "../../engine/builder/output/scan-image.ts";
import { type DiffID, hexOf, sha256 } from "../../engine/oci/digest.ts";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import { makeLayout, run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { identityOf } from "../support/images-save.ts";
import { chunksOf, imagesDirectory } from "../support/images-tar.ts";
import { rpmHeader } from "../support/rpm-header.ts";
import { entriesOf } from "../support/tar-listing.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const { signal } = new AbortController();

describe("packages of a file system", () => {
  let root: TempRoot;
  beforeEach(async () => {
    root = await tempRoot();
    mkdirSync(root.join("scratch"));
  });
  afterEach(() => root[Symbol.asyncDispose]());

  const put = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(root.join("fs", path)), { recursive: true });
    writeFileSync(root.join("fs", path), content);
  };
  const scan = () => scanImage({ root: root.join("fs"), scratch: root.join("scratch") }, signal);
  const names = async () =>
    (await scan()).packages.map(({ type, name, version }) => `${type} ${name} ${version}`).sort();

  function putRpm(path: string, fill: (database: DatabaseSync) => void): void {
    mkdirSync(dirname(root.join("fs", path)), { recursive: true });
    const database = new DatabaseSync(root.join("fs", path));
    fill(database);
    database.close();
  }

  it("are found by the databases of their managers, and by what npm and pip leave", async () => {
    put("etc/os-release", "ID=debian\nVERSION_ID=12\n");
    put("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n");
    put("var/lib/dpkg/status.d/base", "Package: b\nVersion: 2\n");
    put("lib/apk/db/installed", "P:c\nV:3\n\n");
    putRpm("var/lib/rpm/rpmdb.sqlite", (database) => {
      database.exec("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)");
      const header = rpmHeader({ 1000: "d", 1001: "4", 1002: "r" });
      database.prepare("INSERT INTO Packages VALUES (1, ?)").run(header);
    });
    put("app/node_modules/e/package.json", '{"name":"e","version":"5"}');
    put("app/node_modules/@s/f/node_modules/g/package.json", '{"name":"g","version":"7"}');
    put("app/package.json", '{"name":"own","version":"0"}');
    put("app/node_modules/e/test/package.json", '{"name":"fixture","version":"0"}');
    put("usr/lib/python3/dist-packages/h-8.dist-info/METADATA", "Name: h\nVersion: 8\n\n");
    expect(await names()).toEqual(["apk c 3", "deb a 1", "deb b 2", "npm e 5", "npm g 7", "pypi h 8", "rpm d 4-r"]);
    expect((await scan()).distribution).toEqual({ id: "debian", version: "12" });
  });

  it("are as many as dpkg knows on this host", async () => {
    put("var/lib/dpkg/status", readFileSync("/var/lib/dpkg/status"));
    const format = "$[db:Status-Status] $[Package] $[Version]\n".replaceAll("[", "{").replaceAll("]", "}");
    const known = execFileSync("dpkg-query", ["-W", "-f", format], {
      encoding: "utf8",
    });
    const expected = known.split("\n").filter((line) => /^(installed|triggers-\w+) /.test(line));
    expect(await names()).toEqual(expected.map((line) => line.replace(/^\S+/, "deb")).sort());
  });

  it("are never those of the host, nor do links, pipes or a hostile database keep anyone waiting", async () => {
    writeFileSync(root.join("outside"), "Package: host\nVersion: 1\n");
    mkdirSync(root.join("fs/var/lib/dpkg"), { recursive: true });
    symlinkSync("../../../../outside", root.join("fs/var/lib/dpkg/status"));
    symlinkSync(root.path, root.join("fs/node_modules"));
    put("x/node_modules/p/readme", "");
    execFileSync("mkfifo", [root.join("fs/x/node_modules/p/package.json")]);
    symlinkSync("/etc/passwd", root.join("fs/x/package.json"));
    putRpm("usr/lib/sysimage/rpm/rpmdb.sqlite", (database) =>
      database.exec(
        "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT 1 UNION ALL SELECT blob + 1 FROM n) SELECT blob FROM n",
      ),
    );
    const found = await scan();
    expect(found.packages).toEqual([]);
    expect(found.remarks).toEqual(["/usr/lib/sysimage/rpm/rpmdb.sqlite cannot be read: it has no table of packages"]);
  });

  it("of an older rpm are told to be missing", async () => {
    put("var/lib/rpm/Packages", "x");
    put("usr/lib/sysimage/rpm/rpmdb.sqlite", "no database");
    expect((await scan()).remarks).toEqual([
      expect.stringMatching(/^\/usr\/lib\/sysimage\/rpm\/rpmdb.sqlite cannot be read: /),
    ]);
    execFileSync("rm", [root.join("fs/usr/lib/sysimage/rpm/rpmdb.sqlite")]);
    expect((await scan()).remarks).toEqual(["/var/lib/rpm/Packages is a database of rpm in a form that is not read"]);
  });
});

describe("what a build gives", () => {
  let directory: Awaited<ReturnType<typeof imagesDirectory>>;
  let archive: string;
  let engine: ImagesEngine;
  let chain: DiffID[];
  let baseLength: number;
  let held: DisposableStack;

  beforeAll(async () => {
    directory = await imagesDirectory();
    const layout = makeLayout(directory.path);
    archive = join(directory.path, "base.tar");
    run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${archive}:example/base:1`);
  });
  afterAll(() => directory[Symbol.asyncDispose]());
  beforeEach(async () => {
    engine = await openImagesEngine();
    held = new DisposableStack();
    await engine.loadFile(archive);
    chain = [...engine.images.resolve("example/base:1").chain];
    baseLength = chain.length;
    await step((rootfs) => {
      mkdirSync(`${rootfs}/var/lib/dpkg`, { recursive: true });
      writeFileSync(`${rootfs}/var/lib/dpkg/status`, "Package: a\nStatus: install ok installed\nVersion: 1\n");
      writeFileSync(`${rootfs}/passing`, "passing");
    });
    await step((rootfs) => {
      execFileSync("rm", [`${rootfs}/passing`, `${rootfs}/etc/motd`]);
      writeFileSync(`${rootfs}/data/new`, "newest");
      utimesSync(`${rootfs}/data/new`, 1000, 1000);
    });
  });
  afterEach(async () => {
    held.dispose();
    for (const key of engine.layers.listWritable()) await engine.layers.remove(key);
    await engine[Symbol.asyncDispose]();
  });

  async function step(work: (rootfs: string) => void): Promise<void> {
    await engine.layers.prepare("step", chain);
    work(await engine.layers.mount("step", { isVolatile: true }));
    const layer = await engine.layers.commit("step", { signal });
    if (layer !== null) chain.push(held.use(layer).diffID);
  }

  const created = "2026-01-02T03:04:05Z";
  const base = { architecture: "amd64", os: "linux", created, config: { Cmd: ["sh"] } };
  const history = ["1", "2", "3", "RUN a", "RUN b"].map((step) => ({ created, created_by: step }));

  async function deliver(request: Partial<BuildRequest>, epoch: number | null = null) {
    const pieces: Buffer[] = [];
    const facts: Outcome["facts"] = async () => ({
      ...{ platform: "linux/amd64", startedAt: created, finishedAt: created, isReproducible: true },
      ...{ images: [], source: null, entryPoint: "Dockerfile", dockerfile: "FROM x", steps: [] },
    });
    let keys = 0;
    const result = await deliverOutput(
      { config: { ...base, history }, chain, baseLength, facts },
      {
        ...engine,
        openView: async (wanted) => {
          await engine.layers.prepare("view", wanted);
          return await engine.layers.mount("view");
        },
        hold: (layer) => void held.use(layer),
        newWritableKey: () => `own-${keys++}`,
      },
      {
        request: {
          tags: ["app:1"],
          squash: false,
          sbom: false,
          provenance: "",
          buildArgs: {},
          labels: {},
          ...request,
        } as BuildRequest,
        ...{ epoch, scratch: engine.root, signal, onNote: () => {} },
        output: async (bytes) => void pieces.push(Buffer.from(bytes)),
      },
    );
    await engine.layers.remove("view");
    return { ...result, bytes: Buffer.concat(pieces) };
  }

  it.each(["local", "tar"] as const)("is all its files, as %s", async (type) => {
    const { imageID, digest, bytes } = await deliver({ output: { type } });
    expect([imageID, digest]).toEqual([null, null]);
    const entries = await entriesOf(bytes);
    expect(entries.map(({ name }) => name)).toEqual([
      ...["bin/", "bin/busybox", "bin/sh", "data/", "data/new", "etc/"],
      ...["var/", "var/lib/", "var/lib/dpkg/", "var/lib/dpkg/status"],
    ]);
    expect(entries[4]).toMatchObject({ content: "newest", mtime: new Date(1_000_000) });
    expect(engine.layers.listWritable()).toEqual([]);
    expect(engine.images.list()).toHaveLength(1);
  });

  it("is an image, squashed where that is asked for", async () => {
    const { imageID } = await deliver({ output: { type: "image" }, squash: true }, 5000);
    const image = await engine.images.inspect("app:1");
    expect(image).toMatchObject({
      Id: imageID,
      RootFS: { Layers: [...chain.slice(0, baseLength), expect.any(String)] },
    });
    const steps = await engine.images.history("app:1");
    expect(steps.map(({ createdBy, comment, diffID }) => `${createdBy || comment} ${diffID !== null}`)).toEqual([
      "merge 2 layers true",
      "RUN b false",
      "RUN a false",
      "3 true",
      "2 true",
      "1 true",
    ]);
    const again = await deliver({ output: { type: "image" }, squash: true }, 5000);
    expect(again.imageID).toBe(imageID);
  });

  it.each(["oci", "docker"] as const)("is an archive with what is said about it, as %s", async (type) => {
    const request = { output: { type }, sbom: true, provenance: "max" } as const;
    const { imageID, digest, bytes } = await deliver(request, 5000);
    const again = await deliver(request, 5000);
    expect(again.bytes.equals(bytes)).toBe(true);
    expect(engine.images.list()).toHaveLength(1);
    const entries = await entriesOf(bytes);
    const read = (of: unknown) =>
      JSON.parse(String(entries.find(({ name }) => name === `blobs/sha256/${hexOf(of as DiffID)}`)?.content));
    const about = read(read(digest).manifests[1].digest);
    const statements = about.layers.map((layer: { digest: string }) => read(layer.digest));
    expect(statements).toMatchObject([
      { predicateType: "https://slsa.dev/provenance/v0.2", predicate: { builder: { id: "" } } },
      { predicateType: "https://spdx.dev/Document", predicate: { packages: [{}, { name: "a", versionInfo: "1" }] } },
    ]);
    await using other = await openImagesEngine();
    await other.images.load(chunksOf(bytes), quietWork);
    expect(await identityOf(other, "app:1")).toMatchObject({ Id: imageID, RootFS: { Layers: chain } });
    expect(sha256(JSON.stringify(read(digest)))).toBe(digest);
  });
});
