import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { pathsOf } from "../../engine/containers/container-paths.ts";
import { openLogReader } from "../../engine/logs/file-log-reader.ts";
import {
  createContainer,
  eventually,
  findContainer,
  openSession,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { expectNumbers, logFilesOf, totalOf } from "../support/log-files.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose](), 30_000);

function limits(maxSize: string, maxFile: number, driver: "local" | "json-file" = "local") {
  return { log: { driver, options: { "max-size": maxSize, "max-file": String(maxFile) } } };
}

async function ended(id: string, seconds = 30): Promise<void> {
  await eventually(async () => (await findContainer(engine, id))?.status === "exited", seconds);
}

it("loses and doubles no line of a container that writes as fast as it can, read at once and afterwards", async () => {
  const last = 400_000;
  const script = "for k in $(seq 0 99); do seq $((k * 4000 + 1)) $((k * 4000 + 4000)); sleep 0.02; done";
  const id = await createContainer(engine, { command: ["sh", "-c", script], ...limits("300k", 1000) });
  const path = pathsOf(engine.config, id).log;
  let next = 1;
  let isOver = false;
  const follower = (async () => {
    const options = {
      range: { tail: null, since: null, until: null },
      follow: true,
      signal: AbortSignal.timeout(20_000),
    };
    for await (const lines of openLogReader().lines(id, path, options, () => isOver)) {
      for (const { text } of lines) if (text !== String(next++)) throw new Error(`${text} instead of ${next - 1}`);
    }
  })();
  await engine.client.request("containers.start", { container: id });
  await ended(id);
  isOver = true;
  await follower;
  expect(next - 1).toBe(last);
  expect(logFilesOf(engine, id).size).toBeGreaterThan(5);
  await expectNumbers(engine, id, last);
  const tail = await engine.client.request("logs.page", { container: id, before: null, limit: 2 });
  expect(tail.lines.map(({ text }) => text)).toEqual([String(last - 1), String(last)]);
});

it("holds the bound of a log that never ends", async () => {
  const id = await runContainer(engine, { command: ["yes", "a line that repeats"], ...limits("2m", 3) });
  const totals: number[] = [];
  for (let look = 0; look < 40; look++) {
    await sleep(50);
    totals.push(totalOf(logFilesOf(engine, id)));
  }
  await engine.client.request("containers.kill", { container: id, signal: "SIGKILL" });
  await ended(id);
  console.log(
    `at most ${(Math.max(...totals) / 1e6).toFixed(1)} MB, at rest ${totalOf(logFilesOf(engine, id)) / 1e6} MB`,
  );
  // What comes between two looks is beside the bound.
  expect(Math.max(...totals)).toBeLessThan(150e6);
  await eventually(() => totalOf(logFilesOf(engine, id)) <= 10e6, 5);
});

it("compresses what was put aside once it rests, and reads it all the same", async () => {
  const last = 60_000;
  const id = await runContainer(engine, {
    command: ["sh", "-c", `seq ${last}; sleep 60`],
    ...limits("1m", 5),
  });
  await eventually(() => [...logFilesOf(engine, id).keys()].some((name) => name.endsWith(".gz")), 12);
  await expectNumbers(engine, id, last);
  const usage = await engine.client.request("system.diskUsage", {});
  const item = usage.containers.items.find((one) => one.id === id);
  expect(item?.logSize).toBe(totalOf(logFilesOf(engine, id)));
  await engine.client.request("containers.remove", { container: id, force: true, volumes: false });
  expect(() => readFileSync(pathsOf(engine.config, id).log)).toThrow("ENOENT");
});

it("keeps half lines of a terminal whole across files", async () => {
  const command = ["sh", "-c", "for i in $(seq 300); do printf 'half %s ' $i; sleep 0.005; echo whole; done"];
  const id = await runContainer(engine, { command, terminal: true, ...limits("1k", 1000) });
  await ended(id);
  expect(logFilesOf(engine, id).size).toBeGreaterThan(3);
  const lines = (await readLog(engine, id)).replaceAll("\r", "").trim().split("\n");
  expect(lines).toEqual(Array.from({ length: 300 }, (_, index) => `half ${index + 1} whole`));
});

it("goes on in the same row of files when the container is started again", async () => {
  const id = await runContainer(engine, { command: ["seq", "1000"], ...limits("1k", 1000) });
  await ended(id);
  const [first] = (await engine.client.request("logs.page", { container: id, before: null, limit: 1 })).lines;
  await engine.client.request("containers.start", { container: id });
  await ended(id);
  const texts = (await readLog(engine, id)).trim().split("\n");
  expect(texts).toHaveLength(2000);
  const { lines } = await engine.client.request("logs.page", {
    container: id,
    before: null,
    after: first?.offset ?? -1,
    limit: 2000,
  });
  expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 1000 }, (_, index) => String(index + 1)));
});

it("keeps nothing with `none`, says so in docker's words, and lets a terminal see it", async () => {
  const none = { log: { driver: "none" as const, options: {} } };
  const id = await createContainer(engine, { command: ["echo", "unheard"], ...none });
  const { stream, output } = await openSession(engine, (streamID) =>
    engine.client.request("containers.attach", { container: id, streamID, stdin: false }),
  );
  await engine.client.request("containers.start", { container: id });
  await stream.ended;
  expect(output.stdout).toBe("unheard\n");
  expect(logFilesOf(engine, id).size).toBe(0);
  await expect(readLog(engine, id)).rejects.toThrow("configured logging driver does not support reading");
  expect((await engine.client.request("logs.page", { container: id, before: null, limit: 5 })).lines).toEqual([]);
  const inspected = await engine.client.request("containers.inspect", { container: id });
  expect(inspected).toMatchObject({ LogPath: "", HostConfig: { LogConfig: { Type: "none", Config: {} } } });
});

it("refuses options that docker refuses, before anything is made", async () => {
  const log = { driver: "json-file" as const, options: { "max-sice": "1m" } };
  await expect(createContainer(engine, { log })).rejects.toThrow("unknown log opt 'max-sice' for json-file log driver");
});

it("looks no more at the log of a container that goes at its end", async () => {
  const command = ["sh", "-c", "seq 2000; sleep 0.2"];
  const ids = await Promise.all(
    Array.from({ length: 4 }, () => runContainer(engine, { command, autoRemove: true, ...limits("2k", 2) })),
  );
  for (const id of ids) await eventually(async () => (await findContainer(engine, id)) === undefined);
  expect(readFileSync(engine.config.logFile, "utf8")).not.toContain("could not be rotated");
});
