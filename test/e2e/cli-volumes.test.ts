/** Volumes as a script written for docker uses them, and what docker does not have: export and import. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { starterImage, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";

const image = starterImage;
let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
  directory = mkdtempSync(join(tmpdir(), "gantry-test-"));
}, 60_000);

afterEach(async () => {
  const containers = (await out("ps", "-aq")).trim();
  if (containers !== "") await gantry(["rm", "-fv", ...containers.split("\n")]);
  await gantry(["volume", "prune", "-af"]);
});

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

const out = async (...args: string[]) => (await gantry(args)).stdout;
const inspect = async (format: string, name: string) => (await out("inspect", "-f", format, name)).trimEnd();

describe("volume", () => {
  it("is made once, listed, inspected and removed", async () => {
    const create = ["volume", "create", "--label", "tier=db", "data"];
    expect(await gantry(create)).toEqual({ code: 0, stdout: "data\n", stderr: "" });
    expect(await gantry(["volume", "create", "data"])).toMatchObject({ code: 0, stdout: "data\n" });
    const anonymous = (await out("volume", "create")).trim();
    expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
    const names = ["data", anonymous].toSorted();
    expect(await out("volume", "ls")).toBe(
      `DRIVER    VOLUME NAME\n${names.map((name) => `local     ${name}\n`).join("")}`,
    );
    expect(await out("volume", "ls", "-q", "-f", "label=tier=db")).toBe("data\n");
    const [found] = JSON.parse(await out("volume", "inspect", "data"));
    expect(found).toMatchObject({
      Name: "data",
      Driver: "local",
      Labels: { tier: "db" },
      Options: null,
      Scope: "local",
    });
    expect(await out("volume", "inspect", "-f", "{{.Mountpoint}}", "data")).toBe(`${found.Mountpoint}\n`);
    expect(await inspect("{{.Name}}", "data")).toBe("data");
    expect(await gantry(["volume", "rm", "data", "nope"])).toMatchObject({ code: 1, stdout: "data\n" });
    expect(await gantry(["volume", "rm", "-f", "nope"])).toEqual({ code: 0, stdout: "nope\n", stderr: "" });
    expect(await gantry(["volume", "inspect", "nope"])).toMatchObject({ code: 1, stdout: "[]\n" });
    expect(await gantry(["volume", "create", "-d", "nope", "x"])).toMatchObject({ code: 1, stdout: "" });
  });

  it("keeps what one container wrote for the next, and is not removed while one names it", async () => {
    const write = ["run", "--rm", "-v", "data:/d", image, "sh", "-c", "echo kept > /d/file"];
    expect(await gantry(write)).toMatchObject({ code: 0, stderr: "" });
    expect(await out("run", "--rm", "--mount", "src=data,dst=/e,readonly", image, "cat", "/e/file")).toBe("kept\n");
    await gantry(["create", "--name", "holder", "-v", "data:/d", image, "true"]);
    const refused = await gantry(["volume", "rm", "data"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("in use");
    await gantry(["rm", "holder"]);
    expect(await gantry(["volume", "rm", "data"])).toMatchObject({ code: 0 });
  });

  it("is taken along by --volumes-from, and its anonymous ones go with rm -v and --rm only", async () => {
    await gantry(["create", "--name", "first", "-v", "/cache", image, "true"]);
    expect(await out("volume", "ls", "-q")).toMatch(/^[0-9a-f]{64}\n$/);
    const also = ["run", "--rm", "--volumes-from", "first:ro", image, "sh", "-c", "touch /cache/x"];
    expect((await gantry(also)).code).not.toBe(0);
    await gantry(["rm", "first"]);
    expect(await out("volume", "ls", "-q", "-f", "dangling=true")).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await gantry(["volume", "prune", "-f"])).toMatchObject({
      stdout: expect.stringMatching(/^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B\n$/),
    });
    await gantry(["run", "--rm", "-v", "/cache", image, "true"]);
    await gantry(["create", "--name", "second", "-v", "/cache", image, "true"]);
    await gantry(["rm", "-v", "second"]);
    expect(await out("volume", "ls", "-q")).toBe("");
  });

  it("shows in ps, in its filters and in system df", async () => {
    await gantry(["create", "--name", "web", "-v", "data:/d", "-v", "/etc:/host:ro", image, "true"]);
    await gantry(["create", "--name", "other", image, "true"]);
    const format = "{{.Names}}|{{.Mounts}}|{{.LocalVolumes}}";
    expect(await out("ps", "-a", "--format", format, "-f", "volume=data")).toBe("web|data,/etc|1\n");
    expect(await out("ps", "-a", "--format", "{{.Names}}", "-f", "volume=/d")).toBe("web\n");
    expect(await out("system", "df")).toMatch(/^Local Volumes +1 +1 +0B +0B$/m);
    expect(await out("system", "df", "-v")).toMatch(/^VOLUME NAME +LINKS +SIZE\ndata +1 +0B$/m);
  });

  it("goes with prune only when no container names it, named ones only when asked", async () => {
    await gantry(["volume", "create", "named"]);
    await gantry(["volume", "create", "--label", "keep", "labelled"]);
    expect(await out("volume", "prune", "-f")).toBe("Total reclaimed space: 0B\n");
    expect(await gantry(["volume", "prune", "--all"], { input: "n\n" })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(
        "WARNING! This will remove all local volumes not used by at least one container.",
      ),
    });
    expect(await out("volume", "prune", "-f", "--filter", "all=1", "--filter", "label!=keep")).toBe(
      "Deleted Volumes:\nnamed\n\nTotal reclaimed space: 0B\n",
    );
    expect(await gantry(["volume", "prune", "-f", "--filter", "until=1h"])).toMatchObject({ code: 1, stdout: "" });
    expect(await out("volume", "ls", "-q")).toBe("labelled\n");
  });

  it("goes out as tar, and comes back", async () => {
    await gantry([
      "run",
      "--rm",
      "-v",
      "data:/d",
      image,
      "sh",
      "-c",
      "mkdir /d/sub; echo one > /d/sub/f; chown 7:8 /d/sub/f",
    ]);
    const archive = join(directory, "data.tar");
    expect(await gantry(["volume", "export", "data", "-o", archive])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(execFileSync("tar", ["tvf", archive], { encoding: "utf8" })).toMatch(/ 7\/8 .* \.?\/?sub\/f$/m);
    await gantry(["volume", "create", "copy"]);
    expect(await gantry(["volume", "import", "copy", archive])).toMatchObject({ code: 0, stderr: "" });
    const read = ["run", "--rm", "-v", "copy:/d:ro", image, "sh", "-c", "cat /d/sub/f; stat -c %u:%g /d/sub/f"];
    expect(await out(...read)).toBe("one\n7:8\n");
    writeFileSync(archive, "no tar");
    expect(await gantry(["volume", "import", "copy", archive])).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["volume", "import", "nope", "-"], { input: "" })).toMatchObject({ code: 1, stdout: "" });
    expect(await gantry(["volume", "export", "nope"])).toMatchObject({ code: 1, stdout: "" });
  });
});
