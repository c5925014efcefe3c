import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import {
  type Built,
  buildRequestOf,
  contextDirectory,
  directoryRequest,
  imageOf,
  runBuild,
} from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { busyTraces, forgetAll } from "../support/fault-build-storm.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const base = "FROM gantry/busybox\n";
const build = (dockerfile: string, fields: Partial<BuildRequest> = {}): Promise<Built> =>
  runBuild(engine, buildRequestOf(dockerfile, fields));

async function isClean(): Promise<void> {
  const { findings } = await engine.client.request("system.fsck", { repair: false });
  expect(findings).toEqual([]);
  await forgetAll(engine);
  await eventually(() => busyTraces(engine).length === 0, 10);
}

/** The engine answers while a worker has much to do. */
async function worstAnswer<T>(work: Promise<T>): Promise<{ readonly value: T; readonly worst: number }> {
  let [isOver, worst] = [false, 0];
  const end = work.finally(() => {
    isOver = true;
  });
  end.catch(() => {});
  while (!isOver) {
    const begin = performance.now();
    await engine.client.request("builds.list", {});
    worst = Math.max(worst, performance.now() - begin);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { value: await end, worst };
}

it("has directories as deep as a command makes them, or says that they are too deep", async () => {
  const deep = "i=0; while [ $i -lt 3000 ] && mkdir a; do cd a; i=$((i+1)); done 2>/dev/null; pwd | wc -c";
  const { value, worst } = await worstAnswer(
    build(`${base}RUN mkdir /deep && cd /deep && ${deep}\nRUN echo on >/on\n`),
  );
  expect(value.error?.message ?? "deep").toMatch(/^deep$|levels|too long|too deep/);
  expect(worst).toBeLessThan(1_000);
  const copied = await build(
    `${base}RUN mkdir /deep && cd /deep && ${deep}\nFROM scratch\nCOPY --from=0 /deep /deep\n`,
  );
  expect(copied.error?.message ?? "deep").toMatch(/^deep$|levels|too long|too deep/);
  await isClean();
}, 40_000);

it("has names that are no text, and as long as they may be", async () => {
  const odd = `printf x >"$(printf '/o/\\377\\376')"; printf y >"$(printf '/o/new\\nline\\033[2J')"; printf z >/o/$(printf '%0255d' 0)`;
  const dockerfile = `${base}RUN mkdir /o && ${odd}\nFROM gantry/busybox\nCOPY --from=0 /o /o\nRUN cat /o/* && ls /o | wc -l\n`;
  const built = await build(dockerfile, { tags: ["odd:1"] });
  imageOf(built);
  expect(built.output).toBe("zyx3\n");
  const saved = await gantryFor(engine.config)(["save", "odd:1", "-o", `${engine.config.run}/odd.tar`]);
  expect(saved).toMatchObject({ code: 0 });
  await isClean();
}, 20_000);

it("has what a command leaves that is no file, without the marks of layers", async () => {
  const made =
    "mkdir /m && cd /m && mknod null c 1 3 && mkfifo fifo && touch .wh.x .wh..wh..opq && (mknod out c 0 0 || true) && nc -lU sock & sleep 0.3";
  const built = await build(`${base}RUN ${made}; true\nRUN ls -A /m | sort\n`);
  expect(built.error?.message ?? "").toMatch(/^$|\.wh\./);
  await isClean();
}, 20_000);

it("takes a tar of very many files, and ends in the middle of it", async () => {
  await using context = await contextDirectory({ Dockerfile: `${base}ADD many.tar /many\n` });
  const script = `
import tarfile
t = tarfile.open("many.tar", "w", format=tarfile.USTAR_FORMAT)
for n in range(150000):
    t.addfile(tarfile.TarInfo("d%d/f%d" % (n % 100, n)))
t.close()`;
  execFileSync("python3", ["-c", script], { cwd: context.path });
  const request = directoryRequest(context);
  const running = runBuild(engine, request);
  await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.current.startsWith("ADD") === true);
  await new Promise((resolve) => setTimeout(resolve, 700));
  const begin = performance.now();
  await engine.client.request("builds.cancel", { build: request.buildID }).catch(() => null);
  expect((await running).error?.code ?? "done").toMatch(/cancelled|done/);
  expect(performance.now() - begin).toBeLessThan(2_000);
  await eventually(() => busyTraces(engine).length === 0, 10);
  const { value, worst } = await worstAnswer(runBuild(engine, directoryRequest(context)));
  imageOf(value);
  expect(worst).toBeLessThan(1_000);
  await isClean();
}, 60_000);

it("is not led out by a link that a stage has left, nor by one in the way", async () => {
  const links = "ln -s / /l && ln -s /proc/self/root /p && ln -s ../../../../../../.. /u && ln -s /etc/shadow /s";
  for (const path of ["/l/work", "/p/proc/1/root/work", "/u/work", "/l/tmp/.X11-unix/../../work", "/p/work"]) {
    const built = await build(`${base}RUN ${links}\nFROM gantry/busybox\nCOPY --from=0 ${path} /x\n`);
    expect([path, built.error?.message]).toEqual([path, expect.stringContaining("not found")]);
  }
  const marker = `/tmp/gantry-escaped-${randomUUID()}`;
  const into = `${base}RUN ln -s /proc/1/root/tmp /t && ln -s ../../../../../../../../tmp /v\n`;
  for (const target of ["/t", "/v"]) {
    await build(`${into}COPY <<E ${target}${marker.slice(4)}\nout\nE\nWORKDIR ${target}/gantry-escaped-dir\n`);
  }
  expect(execFileSync("sh", ["-c", "ls -d /tmp/gantry-escaped-* 2>/dev/null || true"], { encoding: "utf8" })).toBe("");
  await isClean();
}, 30_000);
