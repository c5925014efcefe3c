import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { formatTable, type Row, runCommand } from "./measure.ts";

/** A table of its own each: images are compared with skopeo, too; docker's command line drives Gantry and docker; builders are four. */
export type Part = "all" | "containers" | "images" | "api" | "build";

type Results = {
  readonly machine: Record<string, string | number>;
  readonly rows: Row[];
  readonly containers?: Row[];
  readonly images?: Row[];
  readonly api?: Row[];
  readonly build?: Row[];
};

const names = ["gantry", "docker", "podman"];
const columns: Record<Part, readonly string[]> = {
  all: names,
  containers: names,
  images: [...names, "skopeo"],
  api: ["gantry", "docker"],
  build: ["gantry", "classic", "buildkit", "buildah"],
};
const parts = Object.keys(columns) as Part[];

function describeMachine(runtime: string): Results["machine"] {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    runtime: runCommand([runtime, "--version"]).split("\n")[0] ?? runtime,
    docker: runCommand(["dockerd", "--version"]),
    podman: runCommand(["podman", "--version"]),
    skopeo: runCommand(["skopeo", "--version"]),
    date: new Date().toISOString().slice(0, 10),
  };
}

export function printReport(rows: Record<Part, readonly Row[]>, runtime: string): void {
  const machine = Object.entries(describeMachine(runtime)).map(([key, value]) => `${key}: ${value}`);
  console.log(`\n${machine.join("\n")}\n`);
  for (const part of parts) if (rows[part].length > 0) console.log(`${formatTable(rows[part], columns[part])}\n`);
}

/** Rows that were not measured this time stay as they are. */
export function saveReport(rows: Record<Part, readonly Row[]>, runtime: string): void {
  const path = join(import.meta.dirname, "results.json");
  const before = JSON.parse(readFileSync(path, "utf8")) as Results;
  const results: Results = {
    machine: describeMachine(runtime),
    rows: merged(before.rows, rows.all),
    containers: merged(before.containers ?? [], rows.containers),
    images: rows.images.length > 0 ? [...rows.images] : (before.images ?? []),
    api: merged(before.api ?? [], rows.api),
    build: merged(before.build ?? [], rows.build),
  };
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  console.error(`bench: written to ${path}`);
  const { containers = [], images = [], api = [], build = [] } = results;
  writeTables({ all: results.rows, containers, images, api, build });
}

function merged(before: readonly Row[], measured: readonly Row[]): Row[] {
  const isNew = (row: Row): boolean => !before.some(({ name }) => name === row.name);
  return [...before.map((row) => measured.find(({ name }) => name === row.name) ?? row), ...measured.filter(isNew)];
}

/** Each table stands between `<!-- bench <part> -->` and `<!-- /bench <part> -->`. */
function writeTables(rows: Record<Part, readonly Row[]>): void {
  const path = join(import.meta.dirname, "../../README.md");
  let text = readFileSync(path, "utf8");
  for (const part of parts) {
    if (rows[part].length === 0) continue;
    const markers = new RegExp(`(<!-- bench ${part} -->\n)[\\s\\S]*?(<!-- /bench ${part} -->)`);
    const table = formatTable(rows[part], columns[part]);
    text = text.replace(markers, (_all, start: string, end: string) => `${start}\n${table}\n\n${end}`);
  }
  writeFileSync(path, text);
}
