/** What keeps the disk tidy, as a user types it: prune, system df, filters and names of images. */
import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { loadImages } from "../../src/client/upload.ts";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor, TerminalCommand } from "../support/gantry-command.ts";
import { dockerArchive, type LayerItems } from "../support/images-archives.ts";
import { chunksOf, tarOf } from "../support/images-tar.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  // Holds the starter image, which all tests need.
  await gantry(["run", "-d", "--name", "keeper", starterImage, "sleep", "1000"]);
}, 60_000);

afterEach(async () => {
  const { client } = engine;
  for (const { id, name } of await client.request("containers.list", { all: true })) {
    if (name === "keeper") continue;
    await client.request("containers.remove", { container: id, force: true, volumes: true });
  }
  for (const { id, references } of await client.request("images.list", {})) {
    if (references.includes(`${starterImage}:latest`)) continue;
    await client.request("images.remove", { image: id, force: true });
  }
});

afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const out = async (...args: string[]) => (await gantry(args)).stdout;
const lines = async (...args: string[]) => (await out(...args)).trimEnd().split("\n");

const shared: LayerItems = [["shared", "s".repeat(1_000_000)]];

/** Makes an image of the shared layer and one of its own of 2 kB; gives its id. */
async function make(name: string | null, config: Record<string, unknown> = {}): Promise<string> {
  const own: LayerItems = [["own", (name ?? "dangling").padEnd(2_000, ".")]];
  const archive = await tarOf(await dockerArchive([shared, own], name, config));
  const { images } = await loadImages(engine.client, chunksOf(archive));
  return images[0]?.id ?? "";
}

const labelled = (labels: Record<string, string>, created = "2026-01-01T00:00:00Z") => ({
  created,
  config: { Labels: labels },
});

describe("image prune", () => {
  it("takes dangling images, or all that no container uses, and says what docker says", async () => {
    const dangling = await make(null);
    const web = await make("web:1");
    await make("used:1");
    await engine.client.request("images.tag", { image: "web:1", reference: "web:2" });
    const { id } = await engine.client.request("containers.create", emptyCreateRequest("used:1"));
    expect(id).toMatch(/^[0-9a-f]{64}$/);

    const first = await gantry(["image", "prune", "-f"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(
      new RegExp(`^Deleted Images:\ndeleted: ${dangling}\n\nTotal reclaimed space: [0-9.]+kB\n$`),
    );
    expect(await out("image", "prune", "-f")).toBe("Total reclaimed space: 0B\n");
    const all = await lines("image", "prune", "-a", "-f");
    expect(all.slice(0, -1)).toEqual(["Deleted Images:", "untagged: web:1", "untagged: web:2", `deleted: ${web}`, ""]);
    expect(await lines("images", "--format", "{{.Repository}}")).toEqual(["used", starterImage]);
  });

  it("tells beforehand which bytes go, and they are those that go", async () => {
    await make("web:1");
    await make("web:2");
    const before = bytesUnder(engine.config.root);
    const prune = { all: true, until: null, labels: [] };
    const preview = await engine.client.request("images.prune", { ...prune, dryRun: true });
    expect(preview.removed.map(({ references }) => references.join()).sort()).toEqual(["web:1", "web:2"]);
    expect(await engine.client.request("images.list", {})).toHaveLength(3);
    const done = await engine.client.request("images.prune", { ...prune, dryRun: false });
    expect(done).toEqual(preview);
    expect(done.bytes).toBe(done.removed.reduce((total, { size }) => total + size, 0));
    await expect
      .poll(() => before - bytesUnder(engine.config.root), { timeout: 5_000 })
      .toBeGreaterThan(done.bytes * 0.95);
  });

  it("filters by age and labels, and refuses other filters with code 1", async () => {
    await make("old:1", labelled({ tier: "web" }, "2020-01-01T00:00:00Z"));
    await make("new:1", labelled({ tier: "db", keep: "" }, new Date().toISOString()));
    const gone = async (...filters: string[]) => {
      return (await lines("image", "prune", "-af", ...filters.flatMap((filter) => ["--filter", filter]))).filter(
        (line) => line.startsWith("untagged"),
      );
    };
    expect(await gone("label=tier=none")).toEqual([]);
    expect(await gone("label=tier", "label!=keep", "until=24h")).toEqual(["untagged: old:1"]);
    expect(await gone("label=tier=db")).toEqual(["untagged: new:1"]);
    for (const filter of ["foo=1", "until=yesterday", "until"]) {
      expect(await gantry(["image", "prune", "-f", "--filter", filter])).toMatchObject({ code: 1, stdout: "" });
    }
  });

  it("asks first, and takes only y for a yes", async () => {
    await make(null);
    const asked = "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ";
    for (const input of ["", "n\n", "yes\n"]) {
      expect(await gantry(["image", "prune"], { input })).toEqual({ code: 0, stdout: asked, stderr: "" });
    }
    using terminal = new TerminalCommand(engine.config, ["image", "prune", "-a"]);
    await terminal.see("associated to them.");
    await terminal.see("[y/N] ");
    terminal.type("n\r");
    expect(await terminal.ended).toBe(0);
    expect((await gantry(["image", "prune"], { input: "Y\n" })).stdout).toContain("Deleted Images:");
  });
});

describe("container prune and system prune", () => {
  it("take what does not run, and count its files and its log", async () => {
    await out("run", "-d", "--name", "running", starterImage, "sleep", "100");
    await out("run", "--name", "done", starterImage, "sh", "-c", "head -c 1000000 /dev/zero >/big");
    const { id } = await engine.client.request("containers.create", emptyCreateRequest(starterImage));
    expect(await out("container", "prune", "-f", "--filter", "until=24h")).toBe("Total reclaimed space: 0B\n");
    const pruned = await lines("container", "prune", "-f");
    expect(pruned[0]).toBe("Deleted Containers:");
    expect(pruned).toContain(id);
    expect(pruned.at(-1)).toMatch(/^Total reclaimed space: 1(\.00\d)?MB$/);
    expect(await lines("ps", "-a", "--format", "{{.Names}}")).toEqual(["running", "keeper"]);
  });

  it("take images that only stopped containers used", async () => {
    await make("web:1");
    await engine.client.request("containers.create", emptyCreateRequest("web:1"));
    const refused = await gantry(["system", "prune", "-a"], { input: "n\n" });
    expect(refused.stdout).toBe(
      "WARNING! This will remove:\n  - all stopped containers\n" +
        "  - all networks not used by at least one container\n" +
        "  - all images without at least one container associated to them\n" +
        "  - all build cache\n\n" +
        "Are you sure you want to continue? [y/N] ",
    );
    const pruned = await lines("system", "prune", "-af");
    expect(pruned).toEqual(expect.arrayContaining(["Deleted Containers:", "Deleted Images:", "untagged: web:1"]));
  });
});

describe("system df", () => {
  it("counts shared layers once, and what is used as not reclaimable", async () => {
    await make("web:1");
    await make("web:2");
    await out(
      "run",
      "-d",
      "--name",
      "writer",
      starterImage,
      "sh",
      "-c",
      "head -c 500000 /dev/zero >/f; echo x; sleep 100",
    );
    await expect
      .poll(async () => (await engine.client.request("system.diskUsage", {})).containers.size, { timeout: 8_000 })
      .toBeGreaterThan(500_000);
    const usage = await engine.client.request("system.diskUsage", {});
    const starter = usage.images.items.find(({ containers }) => containers === 2);
    expect(usage.images).toMatchObject({ total: 3, active: 1, size: 1_004_000 + (starter?.size ?? 0) });
    expect(usage.images.reclaimable).toBe(1_004_000);
    expect(usage.images.items.find(({ references }) => references.includes("web:1"))).toMatchObject({
      size: 1_002_000,
      sharedSize: 1_000_000,
      uniqueSize: 2_000,
    });
    expect(usage.containers).toMatchObject({ total: 2, active: 2, reclaimable: 0 });
    expect(usage.containers.items[0]?.logSize).toBeGreaterThan(30);
    expect(usage.blobs.reclaimable).toBe(0);
  });

  it("has docker's table, JSON lines, templates and details", async () => {
    await make("web:1");
    const table = await lines("system", "df");
    expect(table[0]).toMatch(/^TYPE {12}TOTAL {5}ACTIVE {4}SIZE {6}RECLAIMABLE$/);
    expect(table.slice(1).map((line) => line.slice(0, 14).trimEnd())).toEqual([
      "Images",
      "Containers",
      "Local Volumes",
      "Build Cache",
      "Blobs",
    ]);
    expect(await lines("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}")).toContain("Images 2 1");
    const [images = ""] = await lines("system", "df", "--format", "json");
    expect(Object.keys(JSON.parse(images))).toEqual(["Active", "Reclaimable", "Size", "TotalCount", "Type"]);
    const detail = JSON.parse(await out("system", "df", "-v", "--format", "json"));
    expect(detail.Images).toContainEqual(
      expect.objectContaining({ Repository: "web", Tag: "1", Size: "1MB", UniqueSize: "1.002MB", SharedSize: "0B" }),
    );
    const verbose = await out("system", "df", "-v");
    for (const title of ["Images", "Containers", "Local Volumes"]) expect(verbose).toContain(`${title} space usage:`);
  });
});

describe("images", () => {
  it("filters by dangling, reference, age, label and other images", async () => {
    await make("one:1", labelled({ tier: "web" }, "2020-01-01T00:00:00Z"));
    await make("registry.example/team/two:2", labelled({ tier: "db" }, "2022-01-01T00:00:00Z"));
    const id = await make(null, labelled({}, "2024-01-01T00:00:00Z"));
    const listed = (...args: string[]) => lines("images", "--format", "{{.Repository}}:{{.Tag}}", ...args);
    expect(await listed("-f", "dangling=true")).toEqual(["<none>:<none>"]);
    expect(await out("images", "-q", "--no-trunc", "-f", "dangling=1")).toBe(`${id}\n`);
    expect(await listed("-f", "dangling=false", "-f", "label=tier")).toEqual(["registry.example/team/two:2", "one:1"]);
    expect(await listed("-f", "reference=*:1")).toEqual(["one:1"]);
    expect(await listed("registry.example/*/two")).toEqual(["registry.example/team/two:2"]);
    expect(await listed("two")).toEqual([""]);
    expect(await listed("-f", "label=tier=web")).toEqual(["one:1"]);
    expect(await listed("-f", "before=registry.example/team/two:2")).toEqual(["one:1"]);
    expect(await listed("-f", `since=${id.slice(7, 19)}`)).toEqual([`${starterImage}:latest`]);
    expect(await listed("-f", "until=2021-01-01")).toEqual(["one:1"]);
    for (const filter of ["foo=1", "dangling=maybe", "before=nobody", "until=soon"]) {
      expect(await gantry(["images", "-f", filter])).toMatchObject({ code: 1, stdout: "" });
    }
  });

  it("are inspected apart from containers of the same name", async () => {
    await make("same:latest");
    await engine.client.request("containers.create", { ...emptyCreateRequest("same"), name: "same" });
    expect(await out("image", "inspect", "-f", "{{.RepoTags}}", "same")).toBe("[same:latest]\n");
    expect(await out("container", "inspect", "-f", "{{.Name}}", "same")).toBe("/same\n");
    expect(await out("inspect", "-f", "{{.Name}}", "same")).toBe("/same\n");
    expect(await gantry(["image", "inspect", "nobody"])).toMatchObject({ code: 1, stdout: "[]\n" });
  });

  it("have a history for people and for programs", async () => {
    const id = await make("web:1");
    expect(await lines("history", "-H=false", "--no-trunc", "web:1")).toEqual([
      expect.stringMatching(/^IMAGE +CREATED AT +CREATED BY +SIZE +COMMENT$/),
      expect.stringMatching(new RegExp(`^${id} {3}2026-01-01T00:00:00Z {3}step 2 +2000 *$`)),
      expect.stringMatching(/^<missing> +2026-01-01T00:00:00Z {3}step 1 +1000000 *$/),
    ]);
    expect(await lines("history", "-q", "web:1")).toEqual([id.slice(7, 19), "<missing>"]);
    expect(await lines("history", "--format", "{{.CreatedBy}} {{.Size}}", "web:1")).toEqual([
      "step 2 2kB",
      "step 1 1MB",
    ]);
  });
});

function bytesUnder(directory: string): number {
  return Number(
    execFileSync("du", ["-sb", `${directory}/blobs`, `${directory}/layers`, "-c"], { encoding: "utf8" })
      .split("\n")
      .at(-2)
      ?.split("\t")[0],
  );
}
