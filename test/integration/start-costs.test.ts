import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createContainer, startTestEngine, type TestEngine } from "../support/engine.ts";

/** Takes away what belonged to containers that were: nobody waits for it. */
const background = new Set(["ip"]);

type Costs = { readonly programs: readonly string[]; readonly syncs: number };

/** Programs that an engine and what it starts run, in the order of the alphabet, and how often the disk is waited for, during `work`. */
async function traced(engine: TestEngine, work: () => Promise<unknown>): Promise<Costs> {
  const directory = await mkdtemp(join(tmpdir(), "gantry-test-costs-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const output = join(directory, "trace");
  const calls = "trace=execve,fsync,fdatasync,syncfs,sync";
  const strace = spawn("strace", ["-f", "-e", calls, "-o", output, "-p", String(engine.pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await once(strace.stderr, "data");
  strace.stderr.resume();
  try {
    await work();
    // For what comes a moment later and should not.
    await sleep(200);
  } finally {
    const ended = once(strace, "exit");
    strace.kill("SIGINT");
    await ended;
  }
  const lines = (await readFile(output, "utf8")).split("\n");
  // The guard of the rules looks at them, and whose ports other engines publish; only changes count.
  const lookless = lines.filter((line) => !/nft", .*"list"/.test(line));
  const begun = lookless.flatMap((line) => /^\d+ +execve\("(?:[^"]*\/)?([^"/]+)"/.exec(line)?.[1] ?? []);
  return {
    programs: begun.filter((name) => !background.has(name)).sort(),
    syncs: lines.filter((line) => /^\d+ +(fsync|fdatasync|syncfs|sync)\(/.test(line)).length,
  };
}

describe("what a command costs", { timeout: 60_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
    return () => engine[Symbol.asyncDispose]();
  }, 60_000);
  const plain = (port: number) => ({
    command: ["sleep", "300"],
    ports: [{ hostAddress: "", hostPort: port, containerPort: 80, protocol: "tcp" as const }],
  });
  const start = (container: string) => engine.client.request("containers.start", { container });

  it("starts a container of the default bridge with one port by two programs and three syncs", async () => {
    // Fills caches, and the stock of namespaces.
    await start(await createContainer(engine, plain(28_401)));
    await sleep(500);
    const costs = await traced(engine, async () => start(await createContainer(engine, plain(28_402))));
    // runc runs itself anew inside, then the command.
    const runtime = costs.programs.includes("runc") ? ["exe", "runc"] : ["crun"];
    expect(costs.programs).toEqual(["conmon", "nft", "sleep", ...runtime].sort());
    expect(costs.syncs).toBe(3);
  });

  it("runs a command in it by one program, without a sync", async () => {
    const container = await createContainer(engine, plain(28_403));
    await start(container);
    const request = {
      container,
      command: ["true"],
      terminal: false,
      openStdin: false,
      environment: [],
      privileged: false,
    };
    const costs = await traced(engine, () => engine.client.request("containers.exec", request));
    const runtime = costs.programs.includes("runc") ? ["exe", "runc"] : ["crun"];
    expect(costs.programs).toEqual(["conmon", "true", ...runtime].sort());
    expect(costs.syncs).toBe(0);
  });

  it("removes it while it runs by one program", async () => {
    const container = await createContainer(engine, plain(28_404));
    await start(container);
    await sleep(500);
    const request = { container, force: true, volumes: false };
    const costs = await traced(engine, () => engine.client.request("containers.remove", request));
    expect(costs.programs).toEqual(["nft"]);
    expect(costs.syncs).toBeLessThanOrEqual(3);
  });
});
