import type { IPty } from "@lydell/node-pty";
import { spawn } from "@lydell/node-pty";
import { type Engine, image } from "./engines.ts";
import { cpuPercent, pidsOf, type Row, runCommand, sleep, summarize, usageOf } from "./measure.ts";

const columns = 200;
const rows = 50;

/** A dashboard in a pseudo-terminal, watched from outside: what it writes, and what it costs. */
export type Screen = { readonly pty: IPty; bytes: number; firstFrame: number | null };

export async function dashboardRows(engine: Engine): Promise<Row[]> {
  console.error("bench: dashboard");
  const row = (name: string, unit: string, values: readonly number[]): Row => {
    return { name: `dashboard ${columns}x${rows}: ${name}`, unit, figures: { gantry: summarize(values) } };
  };
  const starts: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const screen = await openScreen(engine);
    if (round > 0) starts.push(screen.firstFrame ?? Number.NaN);
    await closeScreen(screen);
  }
  const empty = await openScreen(engine);
  await sleep(3000);
  const restBytes = empty.bytes;
  const restCpu = await cpuPercent([empty.pty.pid], 10);
  const bytesAtRest = (empty.bytes - restBytes) / 10;
  await closeScreen(empty);

  const names = Array.from({ length: 20 }, (_, index) => `live-${index}`);
  for (const name of names) runCommand(engine.cli("run", "-d", "--name", name, image, "sleep", "600"));
  const busy = await openScreen(engine);
  await sleep(3000);
  const from = busy.bytes;
  const busyCpu = await cpuPercent([busy.pty.pid], 20);
  const bytesBusy = (busy.bytes - from) / 20;
  const latencies = await keyLatencies(busy);
  const resident = usageOf([busy.pty.pid]).resident / 1e6;
  await closeScreen(busy);
  runCommand(engine.cli("rm", "-f", ...names));
  const sorted = latencies.toSorted((a, b) => a - b);
  return [
    row("first full frame", "ms", starts),
    row("CPU at rest", "% of a core", [restCpu]),
    row("CPU with 20 live containers", "% of a core", [busyCpu]),
    row("written at rest", "bytes/s", [bytesAtRest]),
    row("written with 20 live containers", "bytes/s", [bytesBusy]),
    row("key to answer, median", "ms", latencies),
    row("key to answer, p95", "ms", [sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN]),
    row("resident", "MB", [resident]),
  ];
}

/** Starts the dashboard and waits for its first whole frame: the one that holds the footer's key for quitting. */
export async function openScreen(engine: Engine): Promise<Screen> {
  const [program = "", ...args] = engine.cli();
  const environment: Record<string, string> = { PATH: process.env.PATH ?? "", TERM: "xterm-256color", LANG: "C.UTF-8" };
  const from = performance.now();
  const pty = spawn(program, args, { cols: columns, rows, env: environment });
  const screen: Screen = { pty, bytes: 0, firstFrame: null };
  let seen = "";
  pty.onData((data) => {
    screen.bytes += Buffer.byteLength(data);
    if (screen.firstFrame !== null) return;
    seen += data;
    if (/quit/.test(seen) && /CONTAINERS|containers/i.test(seen)) screen.firstFrame = performance.now() - from;
  });
  for (let waited = 0; screen.firstFrame === null; waited += 10) {
    if (waited > 15_000) throw new Error(`the dashboard drew no frame: ${seen.slice(0, 500)}`);
    await sleep(10);
  }
  return screen;
}

/** Milliseconds from a key to the first byte of the frame that answers it. */
async function keyLatencies(screen: Screen): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    await sleep(30 + (round % 7) * 10);
    const from = performance.now();
    const answered = new Promise<void>((resolve) => {
      const listener = screen.pty.onData(() => {
        listener.dispose();
        resolve();
      });
    });
    screen.pty.write(round % 20 < 10 ? "j" : "k");
    await Promise.race([answered, sleep(1000)]);
    values.push(performance.now() - from);
  }
  return values;
}

export async function closeScreen(screen: Screen): Promise<void> {
  const { pid } = screen.pty;
  screen.pty.write("q");
  await sleep(500);
  if (pidsOf(/./).includes(pid)) screen.pty.kill("SIGKILL");
}
