import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { eventually } from "../support/engine.ts";
import { FaultHost } from "../support/fault-engine.ts";
import { listTraces } from "../support/fault-traces.ts";
import { gantryFor } from "../support/gantry-command.ts";

const directories = "/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin";
/** A file that cannot be executed in the place of each program. */
const hide = (...names: readonly string[]) =>
  names
    .map((name) => `for d in ${directories}; do if [ -x $d/${name} ]; then mount --bind /dev/null $d/${name}; fi; done`)
    .join("; ");

it.each<[string, (host: FaultHost) => unknown, RegExp]>([
  ["no nft", (host) => host.shell(hide("nft")), /program nft not found on this host \(.*engine doctor/],
  ["no ip", (host) => host.shell(hide("ip")), /program ip not found on this host \(.*engine doctor/],
  ["no runtime", (host) => host.shell(hide("runc", "crun")), /no usable container runtime: runc is not installed/],
  ["no cgroups", (host) => host.shell("umount -R /sys/fs/cgroup"), /no cgroup hierarchy is mounted .*mount one with/],
  [
    "a root that cannot be written",
    (host) =>
      host.shell(`mount -t tmpfs -o mode=711 none ${host.config.root}; mount -o remount,ro ${host.config.root}`),
    /root.*: file system is read-only \(use a --root/,
  ],
  [
    "a root that is a file",
    (host) => host.shell(`rmdir ${host.config.root}; touch ${host.config.root}`),
    /root.*: it is not a directory/,
  ],
  [
    "a database that is none",
    ({ config }) => writeFileSync(join(config.root, "gantry.db"), "garbage".repeat(10_000)),
    /open database \S+gantry.db: file is not a database \(restore/,
  ],
  ["the database of a newer version", makeNewerDatabase, /was written by a newer gantry \(upgrade gantry/],
])("does not start with %s, and says so", async (_name, spoil, sentence) => {
  await using host = await FaultHost.open();
  spoil(host);
  const { code, said } = await host.refusal();
  expect(code).toBe(1);
  expect(said).toMatch(sentence);
  expect(said).toMatch(/^[^\n]+\n$/);
  expect(listTraces(host.config)).toEqual([]);
});

it("runs without a supervisor program until that is there, and leaves nothing of the tries", async () => {
  await using host = await FaultHost.open();
  host.shell(hide("conmon"));
  const engine = await host.start();
  await engine.waitForImage();
  const gantry = gantryFor(host.config);
  const before = listTraces(host.config, engine.pid);
  const { code, stderr } = await gantry(["run", "-d", "gantry/busybox", "true"]);
  expect(code).toBe(125);
  expect(stderr).toMatch(/^gantry: start container \w+: program conmon not found on this host\nhint: .*doctor/);
  await eventually(() => JSON.stringify(listTraces(host.config, engine.pid)) === JSON.stringify(before));
  host.shell("umount /usr/bin/conmon");
  expect(await gantry(["run", "--rm", "gantry/busybox", "echo", "back"])).toMatchObject({ code: 0, stdout: "back\n" });
});

it("runs without some cgroup controllers, and warns of limits that have no effect", async () => {
  await using host = await FaultHost.open();
  host.shell("umount /sys/fs/cgroup/memory /sys/fs/cgroup/pids");
  const engine = await host.start();
  await engine.waitForImage();
  const gantry = gantryFor(host.config);
  const { code, stdout, stderr } = await gantry(
    "run --rm --memory 64m --pids-limit 50 gantry/busybox echo runs".split(" "),
  );
  expect({ code, stdout }).toEqual({ code: 0, stdout: "runs\n" });
  expect(stderr).toContain("no memory controller: --memory and what belongs to it have no effect");
  expect(stderr).toContain("no pids controller: --pids-limit has no effect");
  expect((await gantry(["stats", "--no-stream"])).code).toBe(0);
});

function makeNewerDatabase({ config }: FaultHost): void {
  const database = new DatabaseSync(join(config.root, "gantry.db"));
  database.exec("PRAGMA user_version = 9999");
  database.close();
}
