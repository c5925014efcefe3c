import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const program = fileURLToPath(new URL("../chaos/main.ts", import.meta.url));
const minutes = 1.25;

/** Other requests and faults each day. What it prints has the seed, with which `npm run test:chaos` repeats them. */
it("keeps every promise while everything around it breaks", () => {
  const seed = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const args = [program, "--minutes", String(minutes), "--seed", seed];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 280_000 });
  expect(status, `${stdout}${stderr}`).toBe(0);
}, 300_000);
