import { readFileSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { pathsOf } from "../../engine/containers/container-paths.ts";
import { parseStat } from "../../engine/host/processes.ts";
import { dropOldest, finishRotation, rotateLog } from "../../engine/logs/rotate-log.ts";
import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import {
  eventually,
  findContainer,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { FaultHost } from "../support/fault-engine.ts";
import { conmonOf, expectNumbers, logFilesOf } from "../support/log-files.ts";
import { tempRoot } from "../support/temp-root.ts";

const small = { log: { driver: "local" as const, options: { "max-size": "20k", "max-file": "100000" } } };

/** Counts from 1 on, a hundred at a time, until the file /stop is there; then says how far it came. */
const counter = {
  command: [
    "sh",
    "-c",
    "i=1; until [ -e /stop ]; do seq $i $((i + 99)); i=$((i + 100)); sleep 0.005; done; echo $i > /last; sleep 60",
  ],
  ...small,
};

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose](), 30_000);

async function stopCounting(id: string): Promise<number> {
  const exec = { container: id, terminal: false, openStdin: false, environment: [], privileged: false };
  await engine.client.request("containers.exec", { ...exec, command: ["touch", "/stop"] });
  const path = join(pathsOf(engine.config, id).directory, "rootfs/last");
  let last = "";
  await eventually(async () => {
    last = await readFile(path, "utf8").catch(() => "");
    return last !== "";
  });
  return Number(last) - 1;
}

it("loses and doubles no line when the engine is killed again and again while it rotates", async () => {
  const id = await runContainer(engine, counter);
  for (let kill = 0; kill < 4; kill++) {
    await sleep(50 + 67 * kill);
    await engine.stop("SIGKILL");
    await engine.start();
  }
  const last = await stopCounting(id);
  expect(logFilesOf(engine, id).size).toBeGreaterThan(10);
  await expectNumbers(engine, id, last);
}, 15_000);

it("asks a conmon that stands still once only, also after a restart, and loses nothing", async () => {
  const id = await runContainer(engine, counter);
  await eventually(() => logFilesOf(engine, id).size > 5);
  const conmon = conmonOf(engine, id);
  process.kill(conmon, "SIGSTOP");
  // The watch puts the file aside and asks; nobody answers, before and after the kill.
  const path = pathsOf(engine.config, id).log;
  const log = {
    path,
    control: `${pathsOf(engine.config, id).directory}/ctl`,
    conmonPid: conmon,
    limits: { maxSize: 20_000, maxFiles: 1000, compress: false },
  };
  if (logFilesOf(engine, id).has("container.log")) await rotateLog(log);
  expect(logFilesOf(engine, id).has("container.log")).toBe(false);
  expect((await readLog(engine, id)).split("\n").length).toBeGreaterThan(100);
  await engine.stop("SIGKILL");
  await engine.start();
  for (let attempt = 0; attempt < 3; attempt++) await finishRotation(log);
  await sleep(300);
  process.kill(conmon, "SIGCONT");
  await eventually(() => logFilesOf(engine, id).has("container.log"));
  const last = await stopCounting(id);
  await expectNumbers(engine, id, last);
}, 15_000);

it("finishes a rotation that was cut off before conmon was asked", async () => {
  const id = await runContainer(engine, { command: ["sh", "-c", "seq 50; sleep 1; seq 51 100; sleep 60"] });
  await eventually(async () => (await readLog(engine, id)).split("\n").length === 51);
  await engine.stop("SIGKILL");
  const path = pathsOf(engine.config, id).log;
  await rename(path, `${path}.0000000000000000000`);
  await sleep(1100);
  await engine.start();
  await eventually(() => logFilesOf(engine, id).has("container.log"));
  await expectNumbers(engine, id, 100);
}, 15_000);

it("leaves a log as it is when its conmon was killed", async () => {
  const id = await runContainer(engine, counter);
  await eventually(() => logFilesOf(engine, id).size > 3);
  process.kill(conmonOf(engine, id), "SIGKILL");
  await sleep(500);
  expect((await findContainer(engine, id))?.status).toBe("running");
  const lines = (await readLog(engine, id)).trim().split("\n");
  expect(lines).toEqual(lines.map((_, index) => String(index + 1)));
  await engine.client.request("containers.remove", { container: id, force: true, volumes: false });
}, 15_000);

it("goes on where the disk was full: conmon lives, and what is written then is there", async () => {
  await using files = await tempRoot();
  await using host = await FaultHost.open();
  const disk = files.join("disk");
  host.shell(`truncate -s 48M ${disk}; mkfs.ext4 -q -N 4096 ${disk}; mount -o loop ${disk} ${host.config.root}`);
  const full = await host.start();
  await full.waitForImage();
  const command = ["sh", "-c", "while :; do date; sleep 0.01; done"];
  const request = { ...emptyCreateRequest("gantry/busybox"), command, log: { driver: "local" as const, options: {} } };
  const { id } = await full.client.request("containers.create", request);
  await full.client.request("containers.start", { container: id });
  const { directory, log: path } = pathsOf(host.config, id);
  const log = {
    path: host.seen(path),
    control: host.seen(`${directory}/ctl`),
    conmonPid: Number(await readFile(`${host.config.run}/supervisors/${id}/conmon.pid`, "utf8")),
    limits: { maxSize: 1, maxFiles: 5, compress: true },
  };
  // Neither blocks nor inodes are left.
  host.shell(`cd ${host.config.root}; mkdir many; dd if=/dev/zero of=full bs=4k 2>/dev/null || true`);
  host.shell(`cd ${host.config.root}/many; seq 5000 | xargs touch 2>/dev/null || true`);
  for (let attempt = 0; attempt < 3; attempt++) {
    await rotateLog(log).catch((error: NodeJS.ErrnoException) => expect(error.code).toBe("ENOSPC"));
    await dropOldest(log);
  }
  host.shell(`rm -r ${host.config.root}/full ${host.config.root}/many`);
  const now = Date.now();
  await finishRotation(log);
  await eventually(async () => {
    const { lines } = await full.client.request("logs.page", { container: id, before: null, limit: 1 });
    return Date.parse(lines[0]?.time ?? "") > now;
  });
  expect(stateOf(log.conmonPid)).not.toBeNull();
  await rotateLog(log);
  await full.stop();
}, 20_000);

function stateOf(pid: number): string | null {
  return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"))?.state ?? null;
}
