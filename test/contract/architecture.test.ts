import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

/** Lower never imports higher; a file may import its own folder and all ranks below its own (the house's one rule). */
const ranks: readonly (readonly string[])[] = [
  ["engine/errors.ts", "engine/lib", "engine/oci", "engine/config.ts"],
  ["engine/protocol", "engine/host", "engine/database", "engine/log.ts"],
  ["engine/content", "engine/layers", "engine/events"],
  [
    "engine/registry",
    "engine/images",
    "engine/runtime",
    "engine/networks",
    "engine/volumes",
    "engine/logs",
    "engine/metrics",
    "engine/doctor",
  ],
  ["engine/builder", "engine/containers"],
  ["engine/server", "engine/docker-api", "engine/purge.ts"],
  ["engine/main.ts"],
];

const home = normalize(join(import.meta.dirname, "../.."));
const sources = globSync("{engine,src}/**/*.{ts,tsx}", { cwd: home });

describe("architecture", () => {
  it("finds the sources", () => expect(sources.length).toBeGreaterThan(30));

  it("knows the rank of every file of the engine", () => {
    const unknown = sources.filter((path) => path.startsWith("engine/") && rankOf(path) === -1);
    expect(unknown).toEqual([]);
  });

  it("lets no folder of the engine import a higher one, or a neighbour's", () => {
    expect(importsOf((path) => path.startsWith("engine/")).filter(isUphill)).toEqual([]);
  });

  it("lets src see only the wire contract of the engine", () => {
    const forbidden = importsOf((path) => path.startsWith("src/")).filter(
      ([, to]) => to.startsWith("engine/") && !to.startsWith("engine/protocol/") && to !== "engine/errors.ts",
    );
    expect(forbidden).toEqual([]);
  });

  it("lets the engine import nothing of src", () => {
    expect(importsOf((path) => path.startsWith("engine/")).filter(([, to]) => to.startsWith("src/"))).toEqual([]);
  });

  it("has no import cycle", () => {
    expect(findCycle()).toEqual([]);
  });

  it("keeps every file under 350 lines", () => {
    const long = sources
      .map((path) => `${path} ${readFileSync(join(home, path), "utf8").split("\n").length}`)
      .filter((line) => Number(line.split(" ")[1]) > 350);
    expect(long).toEqual([]);
  });
});

/** Type-only imports are exempt within the engine: they are contracts, and gone at run time. */
function importsOf(select: (path: string) => boolean): [from: string, to: string][] {
  const pattern = /(?:^|\n)(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/g;
  return sources.filter(select).flatMap((path) => {
    const text = readFileSync(join(home, path), "utf8");
    const found = [...text.matchAll(pattern)].filter((match) => match[1] === undefined || path.startsWith("src/"));
    return found.map((match): [string, string] => [path, normalize(join(dirname(path), match[2] ?? ""))]);
  });
}

function rankOf(path: string): number {
  return ranks.findIndex((rank) => rank.some((entry) => path === entry || path.startsWith(`${entry}/`)));
}

function folderOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}

function isUphill([from, to]: [string, string]): boolean {
  if (folderOf(from) === folderOf(to)) return false;
  const [fromRank, toRank] = [rankOf(from), rankOf(to)];
  if (fromRank <= 1) return toRank > fromRank;
  return toRank >= fromRank;
}

function findCycle(): string[] {
  const edges = new Map<string, string[]>();
  for (const [from, to] of importsOf(() => true)) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of edges.get(path) ?? []) {
      const cycle = walk(next, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of edges.keys()) {
    const cycle = walk(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
