/**
 * The whole test run: format and lint, generated files, types, the three kinds of tests, those of docker-compose, and at the end a look at whether
 * anything was left on the host. Prints one line of totals; exits 1 when anything failed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { leftBehind } from "./support/left-behind.mjs";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(home);
const scratch = mkdtempSync(join(tmpdir(), "gantry-test-"));
const totals = { passed: 0, failed: 0, skipped: 0 };

if (process.getuid?.() !== 0) {
  console.error("the tests work on real namespaces, mounts and bridges: run `npm test` as root");
  process.exit(1);
}

function check(name, command, ...args) {
  console.log(`\n== ${name}`);
  const result = spawnSync(command, args, { stdio: "inherit" });
  totals[result.status === 0 ? "passed" : "failed"] += 1;
}

function vitest(project) {
  console.log(`\n== ${project} tests`);
  const report = join(scratch, `${project}.json`);
  const args = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts", "--project", project];
  const result = spawnSync(
    process.execPath,
    [...args, "--reporter=default", "--reporter=json", `--outputFile=${report}`],
    {
      stdio: "inherit",
    },
  );
  const counts = readReport(report);
  totals.passed += counts.numPassedTests;
  totals.failed += counts.numFailedTests;
  totals.skipped += counts.numPendingTests + counts.numTodoTests;
  // A file that does not load counts no test; the exit status still tells.
  if (result.status !== 0 && counts.numFailedTests === 0) totals.failed += 1;
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}

const before = leftBehind();
check("format and lint", "sh", "bin/lint");
check("shell scripts", "sh", "-n", "bin/setup");
check("generated files", process.execPath, "bin/gen.mjs", "--check");
check("types", "node_modules/.bin/tsc", "-p", "tsconfig.json");
vitest("unit");
vitest("integration");
vitest("e2e");
check("docker-compose's own tests", process.execPath, "test/compose/main.ts");

console.log("\n== left behind on the host");
const left = leftBehind().filter((thing) => !before.includes(thing));
for (const thing of left) console.log(thing);
totals[left.length === 0 ? "passed" : "failed"] += 1;

rmSync(scratch, { recursive: true, force: true });
const skipped = totals.skipped === 0 ? "" : `, ${totals.skipped} skipped`;
console.log(`\n${totals.passed} passed, ${totals.failed} failed${skipped}`);
// A skipped test is one that nobody saw pass.
process.exit(totals.failed === 0 && totals.skipped === 0 ? 0 : 1);
