/** What a container does with a volume to others that share it, and to the host. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { asNobody } from "../support/as-nobody.ts";
import { createContainer, readLog, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";
import { namedVolume, outputOf } from "../support/volumes.ts";

let engine: TestEngine;
let outside: string;
beforeAll(async () => {
  engine = await startTestEngine();
  outside = mkdtempSync("/tmp/gantry-test-");
  chmodSync(outside, 0o755);
  mkdirSync(join(outside, "m"));
  writeFileSync(join(outside, "m/secret"), "of the host\n");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string, volumes = false) =>
  request("containers.remove", { container, force: true, volumes });
const sh = (script: string) => ["sh", "-c", script];

/** As with docker: the bit stays and counts in containers, since volumes are not mounted with nosuid; the directory keeps others out. */
it("keeps setuid programs in a volume for containers, and from other users of the host", async () => {
  const mounts = [namedVolume("suid", "/v")];
  await outputOf(engine, sh("cp /bin/busybox /v; chmod 4755 /v/busybox"), { mounts });
  const program = join(engine.config.root, "volumes/suid/_data/busybox");
  expect(statSync(program).mode & 0o7777).toBe(0o4755);
  const { stdout, stderr } = asNobody(`${program} id -u`);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/not found|denied/i);
  expect(await outputOf(engine, ["/v/busybox", "cat", "/proc/self/mounts"], { mounts })).toMatch(/ \/v (?!.*nosuid)/);
});

it("mounts nothing elsewhere where a mount's target is swapped for a link at the same moment", async () => {
  const script = `cd /v; mkdir -p real/m; ln -s ${outside} lure; echo made; while :; do mv real swap; mv lure real; mv real lure; mv swap real; done`;
  const swapper = await runContainer(engine, { command: sh(script), mounts: [namedVolume("race", "/v")] });
  const before = readdirSync(join(outside, "m"));
  const target = {
    type: "tmpfs" as const,
    source: "",
    target: "/v/real/m",
    readOnly: false,
    createSource: false,
    options: [],
  };
  let started = 0;
  for (let round = 0; round < 10; round++) {
    const container = await createContainer(engine, {
      command: sh("cat /proc/self/mountinfo; cat /v/real/m/secret /v/lure/m/secret 2>/dev/null; true"),
      mounts: [namedVolume("race", "/v"), target],
    });
    await request("containers.start", { container }).then(
      () => {
        started++;
      },
      () => undefined,
    );
    await request("containers.wait", { container, condition: "stopped" }).catch(() => undefined);
    const seen = await readLog(engine, container);
    expect(seen).not.toContain("of the host");
    // What is mounted, not where: a link of the container's leads to a place in its own file system.
    const sources = seen.split("\n").map((line) => line.split(" ")[3] ?? "");
    expect(sources.filter((source) => source.startsWith(outside))).toEqual([]);
    await remove(container);
  }
  expect(started).toBeGreaterThan(0);
  expect(readdirSync(join(outside, "m"))).toEqual(before);
  expect(listMounts().filter((mount) => mount.target.startsWith(outside))).toEqual([]);
  await remove(swapper);
});

it("gives a container that takes the volumes of one that goes all of them, or refuses it", async () => {
  const answers = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const mounts = [namedVolume("", "/v")];
    const donor = await createContainer(engine, { command: ["sleep", "300"], mounts });
    const other = await engine.connect();
    const [taken] = await Promise.allSettled([
      createContainer(engine, { command: sh("echo kept >/v/f; cat /v/f"), volumesFrom: [donor] }),
      other.request("containers.remove", { container: donor, force: true, volumes: true }),
    ]);
    other.close();
    if (taken.status === "rejected") {
      answers.add(String((taken.reason as { code?: string }).code));
      continue;
    }
    answers.add("taken");
    await request("containers.start", { container: taken.value });
    expect(await request("containers.wait", { container: taken.value, condition: "stopped" })).toEqual({ exitCode: 0 });
    expect(await readLog(engine, taken.value)).toBe("kept\n");
    await remove(taken.value, true);
  }
  expect(["not-found", "failed-precondition", "taken"]).toEqual(expect.arrayContaining([...answers]));
  expect((await request("volumes.list", {})).map(({ name }) => name).sort()).toEqual(["race", "suid"]);
});
