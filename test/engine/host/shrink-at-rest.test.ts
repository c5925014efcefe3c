import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const module = join(import.meta.dirname, "../../../engine/host/shrink-at-rest.ts");
/** Fills and leaves 200 MB of the heap, then tells for a while how much memory the process has. */
const script = `
import { setTimeout as sleep } from "node:timers/promises";
import { shrinkAtRest } from ${JSON.stringify(module)};
const megabytes = () => Math.round(process.memoryUsage.rss() / 2 ** 20);
if (process.argv[1] === "shrinking") shrinkAtRest(100);
const before = megabytes();
for (let round = 0; round < 4; round++) {
  let kept = [];
  for (let at = 0; at < 500_000; at++) kept.push({ at, text: [at, round] });
  kept = null;
  await sleep(1);
}
const after = megabytes();
await sleep(1_500);
console.log(JSON.stringify({ grown: after - before, left: megabytes() - before }));
`;

async function run(how: "shrinking" | "as it is"): Promise<{ grown: number; left: number }> {
  const flags = ["--expose-gc", "--max-semi-space-size=2", "--input-type=module"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", script, how]);
  return JSON.parse(stdout);
}

it("gives memory back when nothing is done any more, which V8 alone does not", async () => {
  const [shrinking, asItIs] = await Promise.all([run("shrinking"), run("as it is")]);
  expect(shrinking.grown).toBeGreaterThan(60);
  expect(asItIs.left).toBeGreaterThan(40);
  expect(shrinking.left).toBeLessThan(30);
}, 30_000);
