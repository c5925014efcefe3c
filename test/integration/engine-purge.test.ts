import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { findContainer, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";

/** What the host shows of one engine: mounts, links, table, cgroups and processes that bear its names. */
function tracesOf({ config }: TestEngine): string[] {
  const { names, root, run } = config;
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const tables = spawnSync("nft", ["list", "tables"]).stdout.toString().split("\n");
  const links = readdirSync("/sys/class/net").filter(
    (name) => name === names.bridge || name.startsWith(names.vethPrefix),
  );
  const processes = globSync("/proc/[0-9]*/cmdline").flatMap((path) => {
    const command = textOf(path).replaceAll("\0", " ");
    return command.includes(root) || command.includes(run) ? [`process ${command}`] : [];
  });
  return [
    ...mounts.filter((line) => line.includes(root) || line.includes(run)),
    ...tables.filter((line) => line.endsWith(` ${names.table}`)),
    ...links,
    ...globSync(`/sys/fs/cgroup/{,*/}${names.cgroupParent}`),
    ...processes,
    ...[root, run].filter((path) => existsSync(path)),
  ];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

it("runs beside another one, and leaves nothing of itself and all of the other", async () => {
  await using one = await startTestEngine();
  const other = await startTestEngine();
  const kept = await runContainer(one, { name: "web" });
  try {
    for (const network of ["bridge", "none", "host"] as const) await runContainer(other, { network });
    const paused = await runContainer(other, { name: "web", restartPolicy: { name: "always", maximumRetryCount: 0 } });
    await other.client.request("containers.pause", { container: paused });
    expect(tracesOf(other).length).toBeGreaterThan(10);
    expect((await findContainer(one, kept))?.ipAddress).not.toBe((await findContainer(other, paused))?.ipAddress);
    await other.stop("SIGKILL");
  } finally {
    await other[Symbol.asyncDispose]();
  }
  expect(tracesOf(other)).toEqual([]);
  expect(await findContainer(one, kept)).toMatchObject({ status: "running", name: "web" });
});

it("stops on request, and leaves its containers running and its socket removed", async () => {
  await using engine = await startTestEngine();
  const id = await runContainer(engine);
  const closed = new Promise((resolve) => engine.client.onClose(resolve));
  await engine.client.request("system.shutdown", {});
  await closed;
  await engine.stop();
  expect(existsSync(engine.config.socket)).toBe(false);
  expect(existsSync(engine.config.pidFile)).toBe(false);
  expect(tracesOf(engine).some((line) => line.includes("conmon"))).toBe(true);
  await engine.start();
  expect(await findContainer(engine, id)).toMatchObject({ status: "running" });
});
