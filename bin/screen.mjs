/**
 * Puts the screen as it is now into the README, as text at 120x40: `gantry demo`, a minute of patience, then
 * `node bin/screen.mjs [KEY...]`, with the keys to press before. Takes the engine of GANTRY_ROOT and GANTRY_RUN.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { gantryProgram, TestTerminal } from "../test/support/terminal.ts";

await using terminal = new TestTerminal({ command: gantryProgram, columns: 120, rows: 40 });
await terminal.waitFor("running");
await terminal.press(...process.argv.slice(2));
// Logs and curves come a moment after the cursor.
await sleep(2_500);
const screen = terminal.rows().join("\n").trimEnd();
await terminal.press("q");
await terminal.exited;

const readme = new URL("../README.md", import.meta.url);
const marked = /(<!-- screen -->\n)[\s\S]*(<!-- \/screen -->)/;
const text = readFileSync(readme, "utf8");
if (!marked.test(text)) throw new Error("README.md has no place for the screen");
writeFileSync(
  readme,
  text.replace(marked, (_, begin, end) => `${begin}\n\`\`\`\n${screen}\n\`\`\`\n\n${end}`),
);
