/**
 * Writes what is generated: the table of keys in README.md, between the markers `<!-- keys -->` and `<!-- /keys -->`.
 * With --check it writes nothing and exits with 1 when something is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyTable } from "../src/keymap/table.ts";

const readme = join(import.meta.dirname, "..", "README.md");
const before = readFileSync(readme, "utf8");
const markers = /(<!-- keys -->\n)[\s\S]*?(<!-- \/keys -->)/;
if (!markers.test(before)) {
  console.error("README.md: the markers <!-- keys --> and <!-- /keys --> are missing");
  process.exit(1);
}
const after = before.replace(markers, (_all, start, end) => `${start}\n${keyTable()}\n\n${end}`);
if (after !== before && process.argv.includes("--check")) {
  console.error("README.md: the table of keys is out of date; run: npm run gen");
  process.exit(1);
}
if (after !== before) writeFileSync(readme, after);
