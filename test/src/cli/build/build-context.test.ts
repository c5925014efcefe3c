import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findBases } from "../../../../src/cli/build/build-accounts.ts";
import { planContext } from "../../../../src/cli/build/build-context.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync("/tmp/gantry-test-");
  mkdirSync(join(directory, "app/docker"), { recursive: true });
  mkdirSync(join(directory, "lower"));
  mkdirSync(join(directory, "empty"));
  mkdirSync(join(directory, "linked"));
  writeFileSync(join(directory, "app/Dockerfile"), "FROM a\n");
  writeFileSync(join(directory, "app/docker/other"), "FROM b\n");
  writeFileSync(join(directory, "outside"), "FROM c\n");
  writeFileSync(join(directory, "lower/dockerfile"), "FROM d\n");
  symlinkSync("../outside", join(directory, "linked/Dockerfile"));
  symlinkSync("app", join(directory, "way"));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function plan(where: string, file: string | null = null, input: string | Buffer = "", isTTY = false) {
  const stdin = Object.assign(Readable.from(input.length === 0 ? [] : [Buffer.from(input)]), { isTTY });
  return planContext({ where, file, directory, stdin });
}

it.each([
  ["app", null, "app", "Dockerfile", "FROM a\n"],
  ["app", "app/docker/other", "app", "docker/other", "FROM b\n"],
  ["way", "way/Dockerfile", "app", "Dockerfile", "FROM a\n"],
  ["lower", null, "lower", "dockerfile", "FROM d\n"],
])("finds %s with %s in the context", async (where, file, path, dockerfile, text) => {
  const found = await plan(where, file);
  expect(found).toMatchObject({ context: { type: "directory", path: join(directory, path) }, stream: null, text });
  expect(found.dockerfile).toEqual({ type: "path", path: dockerfile });
});

it("names a Dockerfile outside of the context by its whole path", async () => {
  expect((await plan("app", "outside")).dockerfile).toEqual({ type: "path", path: join(directory, "outside") });
  const link = join(directory, "linked/Dockerfile");
  expect((await plan("linked")).dockerfile).toEqual({ type: "path", path: link });
});

it.each([
  ["gone", null, 'unable to prepare context: path "gone" not found'],
  ["outside", null, "unable to prepare context: context must be a directory: outside"],
  ["empty", null, "failed to read dockerfile: open Dockerfile: no such file or directory"],
  ["app", "nope", "failed to read dockerfile: open nope: no such file or directory"],
  ["-", "-", "can't use stdin for both build context and dockerfile"],
])("says what is wrong with %s and %s", async (where, file, message) => {
  await expect(plan(where, file)).rejects.toThrow(message);
});

it("takes stdin for a Dockerfile or for a tar, by what it is", async () => {
  expect(await plan("-", null, "FROM x\n")).toMatchObject({
    context: { type: "empty" },
    dockerfile: { type: "text", text: "FROM x\n" },
  });
  const tar = pack();
  tar.entry({ name: "Dockerfile" }, "FROM y\n");
  tar.finalize();
  const bytes = await buffer(tar);
  for (const input of [bytes, gzipSync(bytes)]) {
    const found = await plan("-", "other", input);
    expect(found).toMatchObject({ context: { type: "stream" }, dockerfile: { type: "path", path: "other" } });
    const sent: Uint8Array[] = [];
    for await (const chunk of found.stream ?? []) sent.push(chunk);
    expect(Buffer.concat(sent).equals(input)).toBe(true);
  }
  await expect(plan("-", "other", "FROM x\n")).rejects.toThrow("ambiguous Dockerfile source");
  await expect(plan("-", null, "", true)).rejects.toThrow("stdin is a terminal");
  await expect(plan("-", null, "#".repeat(2 ** 20 + 1))).rejects.toThrow("longer than");
});

it("takes the Dockerfile alone from stdin", async () => {
  expect(await plan("app", "-", "FROM x\n")).toMatchObject({
    context: { type: "directory", path: join(directory, "app") },
    dockerfile: { type: "text", text: "FROM x\n" },
  });
});

it.each([
  "https://host/x.git#main:dir",
  "git@host:x.git",
  "ssh://git@host/x",
  "github.com/a/b",
  "http://host/x.tar.gz",
])("has %s fetched", async (url) => {
  expect(await plan(url, "sub/Dockerfile")).toMatchObject({
    context: { type: "remote", url },
    dockerfile: { type: "path", path: "sub/Dockerfile" },
  });
});

it("finds the images that a Dockerfile names", () => {
  const text = [
    "ARG REGISTRY=r.example",
    `FROM --platform=linux/amd64 \${REGISTRY}/base:1 AS one`,
    "COPY --from=tools:2 /a /b",
    "RUN --mount=type=bind,from=q.example/m,target=/m true",
    "FROM one",
    "COPY --from=0 /x /y",
  ].join("\n");
  expect(findBases(text, {})).toEqual(["r.example/base:1", "tools:2", "q.example/m"]);
  expect(findBases(text, { REGISTRY: "s.example" })?.[0]).toBe("s.example/base:1");
  expect(findBases("FROM $UNKNOWN", {})).toBeNull();
  expect(findBases(`FROM \${A:-b}`, { A: "c" })).toBeNull();
});
