import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createConfig } from "../../engine/config.ts";
import { purge } from "../../engine/purge.ts";
import { NetworkHost, port } from "../support/netns.ts";

describe("purge", () => {
  let host: NetworkHost;
  let engine: string;
  beforeEach(async () => {
    host = await NetworkHost.start();
    engine = `${host.directory}/a`;
  });
  afterEach(async () => host?.[Symbol.asyncDispose]());

  const cgroups = async (name: string) =>
    host.shell(`ls -d /sys/fs/cgroup/${name} /sys/fs/cgroup/*/${name} 2>/dev/null || true`);

  it("ends containers and their conmons, and removes every trace, also the second time", async () => {
    const links = await host.shell("ip -br link | cut -d' ' -f1");
    const names = await host.call("open", engine, { poolSize: 1 });
    await host.call("connect", engine, { container: "web", ports: [port(80, 8080)] });
    const conmon = await host.call("runContainer", engine, "web");
    await host.call("abandon", engine);
    const root = `${engine}/root`;
    await host.shell(`
      mkdir -p ${root}/volumes/data/_data ${root}/bound
      mount -t tmpfs none ${root}/volumes/data/_data
      echo kept > ${host.directory}/hostfile
      mount --bind ${host.directory} ${root}/bound
    `);
    expect(existsSync(`/proc/${conmon}`)).toBe(true);
    expect(await cgroups(names.cgroupParent)).not.toBe("");

    const lines = await host.call("purge", engine);
    expect(lines).toContain("container web");
    expect(lines).toContain(`interface ${names.bridge}`);
    expect(lines).toContain(`nft table ${names.table}`);
    expect(lines).toContain(`directory ${root}`);
    expect(lines).toContain(`directory ${engine}/run`);
    expect(existsSync(root)).toBe(false);
    // A zombie, which init has not fetched yet, has no command line.
    expect(await host.shell(`cat /proc/${conmon}/cmdline 2>/dev/null || true`)).toBe("");
    expect(await cgroups(names.cgroupParent)).toBe("");
    expect(await host.shell("nft list tables")).toBe("");
    expect(await host.shell("ip -br link | cut -d' ' -f1")).toBe(links);
    expect(await host.shell(`cat ${host.directory}/hostfile; grep ${engine} /proc/self/mountinfo || true`)).toBe(
      "kept",
    );
    expect(await host.call("purge", engine)).toEqual([]);
  });

  it("refuses directories that are not an engine's, and those of a running one", async () => {
    const config = (root: string, run: string) => createConfig({ root, run });
    const [root, run] = [join(host.directory, "root"), join(host.directory, "run")];
    for (const path of ["/", "/usr", "/tmp", import.meta.dirname]) {
      await expect(purge(config(path, run))).rejects.toMatchObject({ code: "invalid-argument" });
      await expect(purge(config(root, path))).rejects.toThrow("does not look like one of gantry: nothing was removed");
    }
    const [layout, docker] = [join(host.directory, "layout"), join(host.directory, "docker")];
    for (const path of [`${layout}/blobs`, `${docker}/netns`]) mkdirSync(path, { recursive: true });
    await expect(purge(config(layout, run))).rejects.toThrow("does not look like one of gantry");
    await expect(purge(config(root, docker))).rejects.toThrow("does not look like one of gantry");
    for (const path of [root, run]) mkdirSync(path);
    writeFileSync(join(root, "gantry.db"), "not a database");
    writeFileSync(join(run, "engine.lock"), "");
    // A lock of our own process would not keep us out: POSIX locks belong to processes.
    const holder = `const { tryLock } = await import("${join(import.meta.dirname, "../../engine/database/file-lock.ts")}");
      globalThis.lock = tryLock("${join(run, "engine.lock")}"); console.log("ready"); setInterval(() => globalThis.lock, 1000)`;
    const { pid } = await host.call("serve", null, [process.execPath, "--input-type=module", "-e", holder]);
    await expect(purge(config(root, run))).rejects.toMatchObject({
      code: "failed-precondition",
      message: `an engine runs on ${run}`,
    });
    await host.call("end", pid);
    expect(await purge(config(root, run))).toEqual([`directory ${root}`, `directory ${run}`]);
  });
});
