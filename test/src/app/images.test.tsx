import "../../support/blessed-hook.ts";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { MirrorAction } from "../../../src/store/mirror.ts";
import { anImage, anOperation } from "../../support/protocol-values.ts";
import { type DrawnApp, drawApp } from "../../support/render-app.tsx";

const engine = { protocolVersion: 1, engineVersion: "0.1.0", epoch: "e", pid: 1, startedAt: "2026-11-22T00:00:00Z" };

function snapshot(fields: Partial<Extract<MirrorAction, { type: "state" }>["item"]> = {}): MirrorAction[] {
  const objects = {
    containers: [],
    images: [anImage(), anImage({ id: "sha256:fe", references: [] })],
    networks: [],
    volumes: [],
    operations: [],
  };
  return [
    { type: "connection", state: { status: "connected", engine } },
    { type: "state", item: { type: "snapshot", revision: 1, ...objects, ...fields } as never },
  ];
}

function draw(columns: number, rows: number, readOnly = false): DrawnApp {
  const app = drawApp({ columns, rows }, { readOnly });
  app.tell(...snapshot());
  app.press("2");
  return app;
}

/** No account of whoever runs the tests. */
beforeAll(() => vi.stubEnv("DOCKER_CONFIG", "/nonexistent"));
afterAll(() => vi.unstubAllEnvs());

const status = (app: DrawnApp) => app.frame().split("\n").at(-2)?.trimEnd() ?? "";
const type = (app: DrawnApp, text: string) => app.press(...text);

it("pulls what is typed, or the image that is offered", async () => {
  using app = draw(100, 30);
  app.press("u");
  expect(status(app)).toMatch(/^ pull nginx:latest +Enter pull {2}Tab search {2}Esc close$/);
  app.press("enter");
  await vi.waitFor(() => expect(app.asked.at(-1)).toMatch(/^images\.pull \{"reference":"nginx:latest",/));
  app.press("u");
  type(app, "localhost:5000/web");
  app.press("enter");
  await vi.waitFor(() =>
    expect(app.asked.at(-1)).toMatch(/"reference":"localhost:5000\/web:latest".*"credentials":null/),
  );
  app.press("u", "x", "esc");
  expect(app.asked).toHaveLength(2);
});

it("searches for what is typed", async () => {
  using app = draw(100, 30);
  app.press("u", "n", "g", "i", "tab");
  expect(app.frame()).toContain("looking for ngi");
  await vi.waitFor(() => expect(app.asked).toEqual([expect.stringMatching(/^images\.search \{"term":"ngi"/)]));
  app.press("esc");
  expect(app.frame()).not.toContain("looking for");
});

it("asks before it quits while a pull of its own is under way", async () => {
  using app = draw(100, 30);
  app.press("u", "enter");
  await vi.waitFor(() => expect(app.asked).toHaveLength(1));
  app.press("q");
  expect(status(app)).toMatch(/^ quit, which ends pull nginx:latest\? +y yes/);
  app.press("n");
  expect(app.asked).not.toContain("quit");
  app.press("ctrl+c", "ctrl+c");
  expect(app.asked).toContain("quit");
});

it("shows work of all clients, and cancels the one that was asked about", () => {
  using app = draw(120, 40);
  const parts = [{ id: "aaaaaaaaaaaa", phase: "downloading" as const, current: 5, total: 10 }];
  const progress = { phase: "pulling", object: "", current: 5, total: 10, unit: "bytes" as const, parts };
  const operations = [anOperation({ id: "one", title: "load" }), anOperation({ id: "two", progress })];
  app.tell(...snapshot({ operations }));
  expect(app.frame()).toMatch(/↓ pull nginx:latest +█{6}╌{6} +50%/);
  app.press("W", "j");
  expect(app.frame()).toMatch(/Work 2[\s\S]*┃ pull nginx:latest[\s\S]*aaaaaaaaaaaa +downloading/);
  app.press("x");
  expect(status(app)).toMatch(/^ cancel pull nginx:latest\?/);
  // Another one ends meanwhile: the answer means what the question named.
  app.tell(...snapshot({ operations: [operations[1]] as never }));
  app.press("y");
  expect(app.asked).toEqual(['operations.cancel {"id":"two"}']);
  app.press("esc");
  expect(app.frame()).not.toContain("Work 1");
});

it("refuses to push a name that is nobody's, and names the destination of others", () => {
  using app = draw(100, 30);
  app.press("P");
  expect(status(app)).toContain("nginx:latest names no registry of your own");
  app.tell(...snapshot({ images: [anImage({ references: ["reg.example:5000/a/web:1"] })] }));
  app.press("P");
  expect(status(app)).toMatch(/^ push a\/web:1 to reg\.example:5000\?/);
  const references = ["reg.example/web:1", "mine.example/web:1"];
  app.tell(...snapshot({ images: [anImage({ references, digests: ["reg.example/web@sha256:00"] })] }));
  app.press("n", "P");
  expect(status(app)).toMatch(/^ push mine\.example\/web:1 +Enter push {2}Tab next name/);
  app.press("tab", "enter");
  expect(status(app)).toMatch(/^ push web:1 to reg\.example\?/);
  expect(app.asked).toEqual([]);
});

it("tags, and asks before it takes a name from another image", () => {
  using app = draw(100, 30);
  app.press("t", "ctrl+u");
  type(app, "web");
  app.press("enter");
  expect(app.asked).toEqual(['images.tag {"image":"sha256:0123456789abcdef","reference":"web"}']);
  app.press("j", "t");
  type(app, "nginx");
  app.press("enter");
  expect(status(app)).toMatch(/^ take nginx:latest from another image, which then has no name\?/);
  app.press("y");
  expect(app.asked.at(-1)).toBe('images.tag {"image":"sha256:fe","reference":"nginx"}');
});

it("previews what prune would delete before it asks", () => {
  using app = draw(100, 30);
  app.press("x");
  expect(app.frame()).toContain("working out what would go");
  app.press("enter");
  expect(status(app)).toBe("");
  app.press("a");
  expect(app.frame()).toContain("All images that no container uses");
  expect(app.asked.map((text) => /"all":(\w+).*"dryRun":(\w+)/.exec(text)?.slice(1))).toEqual([
    ["false", "true"],
    ["true", "true"],
  ]);
});

it("shows no key that would change anything when it is read-only", () => {
  using app = draw(200, 60, true);
  app.tell(...snapshot({ operations: [anOperation()] }));
  app.press("u", "P", "t", "x");
  expect(app.asked).toEqual([]);
  expect(app.frame().split("\n").at(-1)).not.toMatch(/pull|push|tag|prune/);
  app.press("W");
  expect(app.frame()).toMatch(/Work 1 ─+ Esc close ─╮/);
  app.press("x");
  expect(status(app)).not.toContain("cancel");
});

it.each([
  [60, 15],
  [80, 24],
  [200, 60],
  [300, 100],
])("keeps every view inside a terminal of %i by %i", (columns, rows) => {
  using app = draw(columns, rows);
  const long = "registry.example.com:5000/a/very/long/name/of/an/image/that/does/not/fit/anywhere:1.2.3";
  const parts = Array.from({ length: 60 }, (_, index) => ({
    id: `layer${index}`,
    phase: "downloading" as const,
    current: index,
    total: 60,
  }));
  const progress = { phase: "pulling", object: "", current: 5, total: 10, unit: "bytes" as const, parts };
  const operations = Array.from({ length: 30 }, (_, index) =>
    anOperation({ id: `${index}`, title: `pull ${long}`, progress }),
  );
  app.tell(...snapshot({ operations, images: [anImage({ references: [long] })] }));
  for (const keys of [[], ["W"], ["esc", "x"], ["esc", "u", "tab"], ["x", "tab"], ["esc", "S"], ["esc", "P"]]) {
    app.press(...keys);
    const frame = app.frame().split("\n");
    expect(frame).toHaveLength(rows);
    for (const row of frame) expect([...row].length).toBeLessThanOrEqual(columns);
  }
});
