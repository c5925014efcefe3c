/**
 * The chaos test: several clients ask an engine for random things while the engine, its helpers, its containers and its host are broken
 * around it. Everything happens in namespaces and on a file system of its own.
 *
 *   npm run test:chaos -- [--hours N | --minutes N] [--seed N] [--from ROUND] [--clients N] [--slots N] [--faults KIND,…] [--keep-log FILE]
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createConfig } from "../../engine/config.ts";
import { purge } from "../../engine/purge.ts";
import { ChaosHost } from "./host.ts";
import { faultKinds } from "./plan.ts";
import { storm } from "./storm.ts";

const { values } = parseArgs({
  options: {
    hours: { type: "string" },
    minutes: { type: "string" },
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    clients: { type: "string", default: "3" },
    slots: { type: "string", default: "4" },
    faults: { type: "string", default: "" },
    "keep-log": { type: "string" },
    /** Waits after a failure until this file is there, for somebody to look around. */
    hold: { type: "string" },
    /** Given by this program to itself. */
    inside: { type: "string" },
  },
});

const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000_000) : Number(values.seed);
const minutes = Number(values.hours ?? 0) * 60 + Number(values.minutes ?? (values.hours === undefined ? 5 : 0));

/** New namespaces, and an init for them; the kernel ends whatever is in there when that ends. */
async function outside(): Promise<number> {
  const directory = mkdtempSync("/tmp/gantry-chaos-");
  try {
    const namespaces = [
      "--mount",
      "--net",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
      "--propagation",
      "private",
    ];
    const self = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
    const args = [...namespaces, "tini", "-s", "-g", "--", ...self, "--seed", String(seed), "--inside", directory];
    const { status, signal, error } = spawnSync("unshare", args, { stdio: "inherit" });
    if (error !== undefined) throw error;
    if (values["keep-log"] !== undefined) cpSync(join(directory, "engine.log"), values["keep-log"], { force: true });
    return status ?? (signal === null ? 1 : 130);
  } finally {
    // Cgroups know no namespaces.
    await purge(createConfig({ root: join(directory, "root"), run: join(directory, "run") })).catch(() => null);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function inside(directory: string): Promise<number> {
  const host = new ChaosHost(directory);
  host.prepare();
  console.log(`chaos: seed ${seed}, ${minutes} minutes`);
  const findings = await storm(host, {
    seed,
    from: Number(values.from),
    clients: Number(values.clients),
    slots: Number(values.slots),
    faults: faultKinds.filter((kind) => values.faults.split(",").includes(kind)),
    lasts: minutes * 60_000,
    report: (line) => console.log(line),
  }).catch((error) => [String(error?.stack ?? error)]);
  if (findings.length > 0 && values.hold !== undefined) await hold(values.hold, findings);
  await host.end("SIGTERM");
  cpSync(host.config.logFile, join(directory, "engine.log"));
  await purge(host.config, { force: true });
  if (findings.length === 0) console.log(`chaos: everything was as promised (seed ${seed})`);
  else console.log(`chaos: failed with seed ${seed}\n${findings.join("\n")}`);
  return findings.length === 0 ? 0 : 1;
}

async function hold(path: string, findings: readonly string[]): Promise<void> {
  console.log(`${findings.join("\n")}\nholding (nsenter -a -t ${process.pid}) until there is ${path}`);
  while (!existsSync(path)) await sleep(500);
}

process.exitCode = values.inside === undefined ? await outside() : await inside(values.inside);
