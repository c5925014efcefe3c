import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { sleep } from "../measure.ts";
import type { ImageEngine } from "./engines.ts";

/** What a command was seen to take: bytes above the engine's idle memory, and the longest wait of somebody else's question, ms. */
export type Watched = { readonly memory: number; readonly wait: number | null };

const sampleInterval = 10;
const pingInterval = 5;

/** Runs a command and looks at the engine meanwhile, which takes time of its own: not for what is timed. */
export async function watch(engine: ImageEngine, argv: readonly string[], idle: number): Promise<Watched> {
  using ping = await engine.openPing();
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  let isOver = false;
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`${argv.join(" ")}: exit ${code}`))));
  }).finally(() => {
    isOver = true;
  });
  const daemons = engine.daemonPids();
  const roots = daemons.length > 0 ? daemons : [child.pid ?? 0];
  let peak = 0;
  const sampling = (async () => {
    while (!isOver) {
      peak = Math.max(peak, residentOf(familyOf(roots)));
      await sleep(sampleInterval);
    }
  })();
  let wait: number | null = null;
  const asking = (async () => {
    while (!isOver && ping !== null) {
      const begin = performance.now();
      await ping.ask();
      wait = Math.max(wait ?? 0, performance.now() - begin);
      await sleep(pingInterval);
    }
  })();
  await Promise.all([ended, sampling, asking]);
  return { memory: peak - (daemons.length > 0 ? idle : 0), wait };
}

/** Milliseconds of all processors that these processes and all their children that have ended took so far. */
export function cpuOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = fieldsOf(pid);
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0);
  }
  return ticks * 10;
}

/** The same of the commands that this process has run and awaited. */
export function cpuOfCommands(): number {
  const fields = fieldsOf(process.pid);
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

export function residentOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + Number(fieldsOf(pid)[21] ?? 0) * 4096, 0);
}

/** These processes and all that they started. The benchmark has a pid namespace of its own: there are few. */
function familyOf(roots: readonly number[]): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(fieldsOf(Number(name))[1] ?? 0));
  }
  const belongs = (pid: number): boolean => roots.includes(pid) || (pid > 1 && belongs(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(belongs);
}

/** Of /proc/<pid>/stat, from the state on (proc(5)); none for a process that is gone. */
function fieldsOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
