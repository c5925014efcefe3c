import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds, bytes, or whatever the case counts: all of one case in one unit. */
export type Figures = { readonly median: number; readonly min: number; readonly max: number; readonly runs: number };

export type Row = {
  readonly name: string;
  readonly unit: string;
  /** A ratio says how many times more ours is. */
  readonly isMoreBetter?: boolean;
  /** Left out of tables. */
  readonly isDetail?: boolean;
  /** One entry an engine; null where it has no such thing. */
  readonly figures: Readonly<Record<string, Figures | null>>;
};

export function summarize(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, runs: sorted.length };
}

/** Runs a command to its end; gives milliseconds. Output goes nowhere. Throws with stderr when it fails. */
export function timeCommand(argv: readonly string[], input?: string): number {
  const [program = "", ...args] = argv;
  const from = process.hrtime.bigint();
  const result = spawnSync(program, args, {
    input,
    stdio: [input === undefined ? "ignore" : "pipe", "ignore", "pipe"],
  });
  const took = Number(process.hrtime.bigint() - from) / 1e6;
  if (result.status !== 0) throw new Error(`${argv.join(" ")}: ${result.stderr?.toString().slice(0, 500)}`);
  return took;
}

export function runCommand(argv: readonly string[]): string {
  const [program = "", ...args] = argv;
  const result = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 30 });
  if (result.status !== 0) throw new Error(`${argv.join(" ")}: ${result.stderr?.slice(0, 500)}`);
  return result.stdout.trim();
}

/** The same without waiting: for things done several at a time. */
export function spawnCommand(argv: readonly string[]): Promise<void> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`${argv.join(" ")}: exit ${code}`))));
  });
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** CPU milliseconds and resident bytes of processes, read from /proc (proc(5)). */
export function usageOf(pids: readonly number[]): { cpu: number; resident: number } {
  let ticks = 0;
  let pages = 0;
  for (const pid of pids) {
    const stat = readProcess(pid, "stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    pages += Number(fields[21] ?? 0);
  }
  return { cpu: ticks * 10, resident: pages * 4096 };
}

/** Bytes that processes take for themselves, with their share of what they have in common with others (PSS, proc(5)). */
export function proportionalSize(pids: readonly number[]): number {
  const sizes = pids.map((pid) => Number(/^Pss:\s+(\d+) kB/m.exec(readProcess(pid, "smaps_rollup"))?.[1] ?? 0));
  return sizes.reduce((total, size) => total + size * 1024, 0);
}

/** Pids whose command line matches. */
export function pidsOf(pattern: RegExp): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pattern.test(readProcess(pid, "cmdline").replaceAll("\0", " ")));
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** CPU percent of one core that processes take over a while. */
export async function cpuPercent(pids: readonly number[], seconds: number): Promise<number> {
  const from = usageOf(pids).cpu;
  const start = performance.now();
  await sleep(seconds * 1000);
  return ((usageOf(pids).cpu - from) / (performance.now() - start)) * 100;
}

/** A table for people: medians with their spread, and how many times faster (smaller) Gantry is. */
export function formatTable(rows: readonly Row[], engines: readonly string[]): string {
  const others = engines.filter((name) => name !== "gantry");
  const head = ["Median (least–most)", ...engines, ...others.map((name) => `${name} / gantry`)];
  const body = rows
    .filter((row) => row.isDetail !== true)
    .map((row) => [
      `${row.name} (${row.unit})`,
      ...engines.map((name) => formatFigures(row.figures[name] ?? null)),
      ...others.map((name) => formatRatio(row, name)),
    ]);
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function formatFigures(figures: Figures | null): string {
  if (figures === null) return "–";
  return `${formatNumber(figures.median)} (${formatNumber(figures.min)}–${formatNumber(figures.max)})`;
}

function formatRatio({ figures, isMoreBetter }: Row, other: string): string {
  const [ours, theirs] = [figures.gantry?.median, figures[other]?.median];
  if (!ours || theirs === undefined) return "–";
  return `${(isMoreBetter ? ours / theirs : theirs / ours).toFixed(1)}x`;
}

function formatNumber(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
