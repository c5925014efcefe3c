import { closeScreen, openScreen, type Screen } from "../dashboard.ts";
import type { Engine } from "../engines.ts";
import { type Row, runCommand, sleep, spawnCommand, summarize } from "../measure.ts";
import type { ImageEngine } from "./engines.ts";
import { type ImageWorkplace, settle } from "./workplace.ts";

const pulls = 4;
/** Drawn nowhere else on the screen, so that one of them is the answer to its key. */
const symbols = [..."~^`$%{}"];
const backspace = "\x7f";

/** Types into the filter of a list while images are pulled, and waits for each character to come back. */
export async function dashboardKeyRow(engine: Engine, images: ImageEngine, place: ImageWorkplace): Promise<Row> {
  console.error("bench: dashboard's keys while an image is pulled");
  const screen = await openScreen(engine);
  screen.pty.write("/");
  await sleep(500);
  const values: number[] = [];
  for (let round = 0; round < pulls; round += 1) {
    let isOver = false;
    const pulling = spawnCommand(images.pull(place.ten.name)).finally(() => {
      isOver = true;
    });
    await Promise.all([pulling, type(screen, values, () => isOver)]);
    runCommand(engine.cli("rmi", "-f", place.ten.name));
    await settle();
  }
  screen.pty.write("\x1b");
  await closeScreen(screen);
  const sorted = values.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  return {
    name: "dashboard's key to answer while 10 layers are pulled, p95",
    unit: "ms",
    figures: { gantry: { ...summarize(values), median: p95 } },
  };
}

async function type(screen: Screen, values: number[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (const symbol of symbols) {
      await sleep(20 + (values.length % 7) * 5);
      if (!isOver()) values.push(await answerTo(screen, symbol));
    }
    screen.pty.write(backspace.repeat(symbols.length));
    await sleep(60);
  }
}

/** Milliseconds from a key to the frame with its character. */
async function answerTo(screen: Screen, key: string): Promise<number> {
  const from = performance.now();
  const answered = new Promise<void>((resolve) => {
    const listener = screen.pty.onData((data) => {
      if (!data.includes(key)) return;
      listener.dispose();
      resolve();
    });
  });
  screen.pty.write(key);
  await Promise.race([answered, sleep(1000)]);
  return performance.now() - from;
}
