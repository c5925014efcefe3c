import { expect, it } from "vitest";
import { searchLines } from "../../../src/panes/images/image-views.ts";
import { fileNameOf } from "../../../src/panes/images/save.ts";
import { imageRow, shortName } from "../../../src/panes/images/view-model.ts";
import { pruneLines, pruneScroll } from "../../../src/panes/prune/prune-lines.ts";
import type { SearchView } from "../../../src/store/image-views.ts";
import type { PruneRow, PruneView } from "../../../src/store/prune-view.ts";
import type { Line } from "../../../src/theme/tokens.ts";
import { anImage } from "../../support/protocol-values.ts";

const text = (lines: readonly Line[]) =>
  lines.map(({ spans }) =>
    spans
      .map((one) => one.text)
      .join("")
      .trimEnd(),
  );
const now = Date.parse("2026-11-22T00:00:00Z");
const room = { width: 80, height: 12 };

const row = (fields: Partial<PruneRow> = {}): PruneRow => ({
  id: "sha256:0123456789abcdef",
  name: null,
  others: 0,
  detail: "",
  createdAt: "2026-11-20T00:00:00Z",
  size: 1e6,
  ...fields,
});

function pruning(fields: Partial<PruneView>): PruneView {
  return { kind: "prune", of: "images", all: false, preview: null, error: "", scroll: 0, ...fields };
}

it("previews what goes: names, ages, sizes, and the sum with what interrupted pulls have left", () => {
  const rows = [row({ detail: "0123456789ab" }), row({ name: "web:1", others: 1, detail: "ff00", size: 2e6 })];
  const lines = text(pruneLines(pruning({ all: true, preview: { rows, bytes: 3.5e6 } }), room, now));
  expect(lines[0]).toBe(" All images that no container uses");
  expect(lines[3]).toMatch(/^ {2}<none> +0123456789ab +2d +1MB$/);
  expect(lines[4]).toMatch(/^ {2}web:1 \+1 +ff00 +2d +2MB$/);
  expect(lines.at(-1)).toBe(" frees 3.5MB with 2 images, 500kB of it from interrupted pulls");
});

it("says so where nothing goes, only leftovers go, it is not known yet, or it failed", () => {
  const last = (fields: Partial<PruneView>) => text(pruneLines(pruning(fields), room, now)).at(-1);
  expect(last({ preview: { rows: [], bytes: 0 } })).toBe(" nothing would go");
  expect(last({ preview: { rows: [], bytes: 5e6 } })).toBe(" frees 5MB that interrupted pulls have left");
  expect(last({})).toBe(" working out what would go");
  expect(last({ error: "the engine is gone" })).toBe(" the engine is gone");
});

it("previews other things by their own words, and tells no bytes where nobody knows them", () => {
  const rows = [row({ id: "n1", name: "front\u001b[2J", detail: "10.5.0.0/24", createdAt: "", size: null })];
  const networks = text(pruneLines(pruning({ of: "networks", preview: { rows, bytes: null } }), room, now));
  expect(networks[0]).toBe(" Networks that no container uses");
  expect(networks[3]).toMatch(/^ {2}front +10\.5\.0\.0\/24$/);
  expect(networks.at(-1)).toBe(" 1 network");
  const volumes = pruning({ of: "volumes", all: true, preview: { rows: [row({ name: "data" })], bytes: 1e6 } });
  expect(text(pruneLines(volumes, room, now))[0]).toBe(" All volumes that no container names, with what is in them");
  expect(text(pruneLines(volumes, room, now)).at(-1)).toBe(" frees 1MB with 1 volume");
});

it("scrolls as far as there are rows", () => {
  const rows = Array.from({ length: 20 }, (_, index) => row({ name: `web:${index}` }));
  const view = pruning({ preview: { rows, bytes: 2e7 } });
  expect(pruneScroll(view, room.height, 100)).toBe(13);
  expect(pruneScroll(view, room.height, -3)).toBe(0);
  expect(text(pruneLines({ ...view, scroll: 13 }, room, now)).at(-3)).toMatch(/web:19 /);
});

it("shows what a registry found, made safe", () => {
  const found = { name: "nginx", description: "a web\u001b[31m server\n", stars: 12, isOfficial: true };
  const view: SearchView = { kind: "search", term: "ngi", results: [found], error: "", index: 0 };
  expect(text(searchLines(view, room))[1]).toMatch(/^┃ nginx +12 +official +a web server$/);
  expect(text(searchLines({ ...view, results: null }, room))).toEqual([" looking for ngi"]);
  expect(text(searchLines({ ...view, results: [] }, room))).toEqual([" nothing is called ngi"]);
  expect(text(searchLines({ ...view, results: [], error: "it refuses" }, room))).toEqual([" it refuses"]);
});

it("names a file after the image", () => {
  expect(fileNameOf("registry:5000/team/web:1.2")).toBe("web-1.2.tar");
  expect(fileNameOf("nginx")).toBe("nginx.tar");
  expect(fileNameOf("sha256:0123456789abcdef0123")).toBe("0123456789ab.tar");
  expect(fileNameOf("a/b:../x")).not.toContain("/");
});

it("shortens a long name by its registry", () => {
  const name = "registry.example.com:5000/team/web:1.2";
  expect(shortName(name, 60)).toBe("…/team/web:1.2");
  expect(shortName(name, 80)).toBe(name);
  expect(shortName("library/some-very-long-name-of-an-image:latest", 60)).toMatch(/^library/);
  expect(imageRow(anImage({ references: [name] }), now, 60).name).toBe("…/team/web:1.2");
});
