/** Containers and images whose own files lie in wait: for the engine's tools, for the look-up of users, for the memory of who reads them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyIn } from "../../src/client/upload.ts";
import { createContainer, eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { gantryFor } from "../support/gantry-command.ts";
import { copyOut } from "../support/tar-listing.ts";
import { type TarItem, tarOf } from "../support/tar-of.ts";

let engine: TestEngine;
let gantry: ReturnType<typeof gantryFor>;

beforeAll(async () => {
  engine = await startTestEngine();
  gantry = gantryFor(engine.config);
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

async function put(container: string, items: readonly TarItem[]): Promise<void> {
  async function* bytes() {
    yield tarOf(items).bytes;
  }
  await copyIn(engine.client, bytes(), { container, path: "/", keepOwner: false, noOverwriteDirNonDir: false });
}

/** An image of the starter's with these files over it. */
async function imageWith(name: string, items: readonly TarItem[]): Promise<string> {
  const container = await createContainer(engine);
  await put(container, items);
  expect(await gantry(["commit", container, name])).toMatchObject({ code: 0 });
  await gantry(["rm", container]);
  return name;
}

describe("a container's own programs and libraries (CVE-2019-14271, CVE-2026-41567)", () => {
  it("are run by nobody but itself, whatever is done to it", async () => {
    const trap = "#!/bin/sh\necho $0 $@ >>/ran\n";
    const names =
      "tar gzip gunzip xz zstd unzstd unpigz ps top cp chroot nsenter sh-login tini docker-init busybox-extra conmon runc".split(
        " ",
      );
    const places = ["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin"];
    const traps = places.flatMap((place) =>
      names.map((name): TarItem => ({ path: `${place}/${name}`, data: trap, mode: 0o755 })),
    );
    const library: TarItem = {
      path: "lib/x86_64-linux-gnu/libnss_files.so.2",
      data: "\x7fELF not a library",
      mode: 0o755,
    };
    const preload: TarItem = { path: "etc/ld.so.preload", data: "/lib/x86_64-linux-gnu/libnss_files.so.2\n" };
    const image = await imageWith("traps:1", [...traps, library, preload]);
    const container = await runContainer(engine, {
      image,
      command: ["/bin/busybox", "sleep", "300"],
      name: "trap",
      init: true,
    });
    const acts = [
      ["top", "trap"],
      ["diff", "trap"],
      ["stats", "--no-stream", "trap"],
      ["logs", "trap"],
      ["inspect", "-s", "trap"],
      ["pause", "trap"],
      ["unpause", "trap"],
      ["export", "-o", "/dev/null", "trap"],
      ["commit", "trap", "again:1"],
      ["cp", "trap:/etc/ld.so.preload", "-"],
    ];
    for (const act of acts) expect([act, (await gantry(act)).code]).toEqual([act, 0]);
    await put(container, [{ path: "copied", data: "x" }]);
    await copyOut(engine, container, "/etc");
    expect(await gantry(["stop", "-t", "0", "trap"])).toMatchObject({ code: 0 });
    expect(existsSync(join(engine.config.root, "containers", container, "upper/ran"))).toBe(false);
    await gantry(["rm", "-f", "trap"]);
  });

  it("are what an exec runs, inside, with nothing of the host's", async () => {
    const report =
      "#!/bin/busybox sh\n/bin/busybox id -u; /bin/busybox env; /bin/busybox ls /proc/1/root/ | /bin/busybox head -3; /bin/busybox readlink /proc/1/ns/mnt\n";
    const image = await imageWith("fake:1", [{ path: "usr/bin/psql", data: report, mode: 0o755 }]);
    const container = await runContainer(engine, { image });
    const { stdout } = await gantry(["exec", container, "psql"], { env: { SECRET_OF_HOST: "leak" } });
    expect(stdout).toMatch(/^0\n/);
    expect(stdout).not.toContain("leak");
    expect(stdout).not.toContain("GANTRY");
    await gantry(["rm", "-f", container]);
  });
});

describe("/etc/passwd and /etc/group of an image", () => {
  const passwd = (text: string): TarItem[] => [{ path: "etc/passwd", data: text }];
  /** uid, gid and all groups, as the kernel has them: busybox's own `id` looks names up again. */
  const id = async (image: string, user: string) => {
    const script = "echo $(grep -E '^(Uid|Gid|Groups):' /proc/self/status | cut -f2)";
    return gantry(["run", "--rm", "-u", user, image, "/bin/busybox", "sh", "-c", script]);
  };

  it("have no name that passes for a number (CVE-2022-36109)", async () => {
    const group = { path: "etc/group", data: "1000:x:0:root\n0:x:0:1000\nroot:x:0:1000,root\n" };
    const image = await imageWith("numbers:1", [...passwd("1000:x:0:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n"), group]);
    expect(await id(image, "1000")).toMatchObject({ code: 0, stdout: "1000 0 0\n" });
    // runc would make group 0 of it.
    expect(await id(image, "1000:1000")).toMatchObject({ code: 125, stderr: expect.stringContaining("called 1000") });
    expect(await id(image, "99999999999")).toMatchObject({ code: 125, stdout: "" });
    expect(await id(image, "-1")).toMatchObject({ code: 125, stdout: "" });
  });

  it("are read up to a bound (CVE-2026-47262), and never through a link that leads out", async () => {
    const huge = await imageWith("huge:1", passwd(`${"x".repeat(40)}:x:1:1::/:/bin/sh\n`.repeat(100_000)));
    const before = readFileSync(`/proc/${engine.pid}/status`, "utf8");
    expect(await id(huge, "somebody")).toMatchObject({ code: 125, stderr: expect.stringContaining("at most 1 MB") });
    const residentOf = (status: string) => Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    expect(residentOf(readFileSync(`/proc/${engine.pid}/status`, "utf8")) - residentOf(before)).toBeLessThan(100_000);
    for (const target of ["/proc/self/environ", "../../../../../../../../etc/passwd", "/dev/zero"]) {
      const image = await imageWith("leading:1", [{ path: "etc/passwd", type: "2", linkPath: target }]);
      // Only the host's has this one.
      expect((await id(image, "games")).code).toBe(125);
    }
  });

  it("give only the groups that they give", async () => {
    const group = { path: "etc/group", data: "wheel:x:10:app\ndocker:x:999:other\nbomb:x:11:app,app,app\n" };
    const image = await imageWith("groups:1", [...passwd("app:x:500:500::/:/bin/sh\n"), group]);
    expect((await id(image, "app")).stdout).toBe("500 500 10 11 500\n");
    expect((await id(image, "app:12")).stdout).toBe("500 12 12\n");
    expect(await id(image, "other")).toMatchObject({ code: 125 });
  });
});

it("waits for no fifo, and reads no device, that an image has in the place of a file", async () => {
  for (const type of ["6", "3"]) {
    const image = await imageWith("special:1", [
      { path: "etc/passwd", type, major: 1, minor: 5 },
      { path: "etc/group", type, major: 1, minor: 5 },
    ]);
    const begin = Date.now();
    await gantry(["run", "--rm", "-u", "app", image, "true"]);
    expect(Date.now() - begin).toBeLessThan(5000);
  }
  const container = await runContainer(engine, { command: ["sh", "-c", "mkfifo /f; echo made; sleep 300"] });
  await eventually(async () => (await gantry(["logs", container])).stdout === "made\n");
  expect(await gantry(["cp", `${container}:/f`, "-"])).toMatchObject({ code: 0 });
  await gantry(["rm", "-f", container]);
});
