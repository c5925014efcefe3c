// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of a Dockerfile
import { expect, it } from "vitest";
import { parseDockerfile } from "../../../../engine/builder/dockerfile/parse.ts";
import { proxyEnvironment, resolveStages, type StageOptions } from "../../../../engine/builder/dockerfile/stages.ts";

const amd64 = { os: "linux", architecture: "amd64" };

function resolve(text: string, options: Partial<StageOptions> = {}) {
  return resolveStages(parseDockerfile(text), { target: "", buildArgs: {}, platform: amd64, ...options });
}

function outline(text: string, options: Partial<StageOptions> = {}) {
  return resolve(text, options).stages.map(({ name, base, dependencies }) => [name, base, dependencies]);
}

const image = (reference: string) => ({ kind: "image", reference });

it("gives the stages that the last one needs, each after those it needs", () => {
  const text = `FROM debian AS base
FROM alpine AS unused
FROM base AS tools
FROM scratch
COPY --from=Tools /a /
RUN --mount=type=bind,from=0,target=/x --mount=from=busybox,target=/y a
COPY --from=nginx:1 /b /
`;
  expect(outline(text)).toEqual([
    ["base", image("debian"), []],
    ["tools", { kind: "stage", index: 0 }, [0]],
    ["stage-3", { kind: "scratch" }, [0, 2]],
  ]);
  const [, , last] = resolve(text).stages;
  expect([last?.findStage("TOOLS"), last?.findStage("0"), last?.findStage("nginx:1")]).toEqual([2, 0, null]);
});

it("takes a stage by its name or number for the target", () => {
  const text = "FROM a AS x\nFROM b AS Y\nFROM c\n";
  expect(outline(text, { target: "y" })).toEqual([["y", image("b"), []]]);
  expect(outline(text, { target: "0" })).toEqual([["x", image("a"), []]]);
  expect(() => resolve(text, { target: "z" })).toThrow('target stage "z" could not be found');
  expect(() => resolve("FROM a AS builder", { target: "buidler" })).toThrow(
    'target stage "buidler" could not be found (did you mean builder?)',
  );
  expect(() => resolve(text, { target: "3" })).toThrow('target stage "3" could not be found');
});

it("takes the last stage before it of several with one name for a base", () => {
  expect(outline("FROM a AS x\nFROM x AS x\nFROM x\n")).toEqual([
    ["x", image("a"), []],
    ["x", { kind: "stage", index: 0 }, [0]],
    ["stage-2", { kind: "stage", index: 1 }, [1]],
  ]);
  expect(outline("FROM a AS Base\nFROM BASE")).toEqual([
    ["base", image("a"), []],
    ["stage-1", { kind: "stage", index: 0 }, [0]],
  ]);
  expect(outline("FROM later\nFROM a AS later", { target: "0" })).toEqual([["stage-0", image("later"), []]]);
});

it("expands FROM by ARGs that stand before it, the predefined ones and build arguments", () => {
  const text =
    "ARG V=1\nARG NAME=debian:$V\nFROM --platform=$BUILDPLATFORM ${NAME} AS x\nARG V=9\nFROM --platform=linux/$ARCH a:${TARGETARCH}-$V\n";
  const options = {
    buildArgs: { V: "2", ARCH: "arm64" },
    platform: { os: "linux", architecture: "arm", variant: "v7" },
  };
  expect(outline(`ARG ARCH\n${text}`, { ...options, target: "x" })).toEqual([["x", image("debian:2"), []]]);
  expect(() => resolve(text, options)).toThrow("line 5: failed to parse platform linux/$ARCH");
  const declared = resolve(`ARG ARCH\n${text}`, options);
  expect(declared.stages).toMatchObject([
    { baseName: "a:arm-2", platform: { os: "linux", architecture: "arm64" }, hasOwnPlatform: true },
  ]);
  expect(Object.fromEntries(declared.globalArgs)).toMatchObject({
    V: "2",
    ARCH: "arm64",
    TARGETPLATFORM: "linux/arm/v7",
    TARGETVARIANT: "v7",
    TARGETSTAGE: "default",
    BUILDOS: "linux",
  });
});

it("gives a stage the platform of the one that it is based on", () => {
  const { stages } = resolve("FROM --platform=linux/arm64 a AS x\nFROM --platform=linux/386 x\n");
  expect(stages.map(({ platform }) => platform.architecture)).toEqual(["arm64", "arm64"]);
});

it("lists build arguments that nothing declares", () => {
  const buildArgs = {
    used: "1",
    meta: "1",
    other: "1",
    HTTPS_PROXY: "1",
    no_proxy: "1",
    SOURCE_DATE_EPOCH: "0",
    ANY: "1",
  };
  expect(resolve("ARG meta\nFROM a AS x\nARG used\nFROM scratch\n", { buildArgs }).unusedBuildArgs).toEqual([
    "ANY",
    "other",
  ]);
});

it("gives proxies to RUN in both cases", () => {
  expect(proxyEnvironment({ http_proxy: "a", NO_PROXY: "b", https_proxy: "", x: "c" })).toEqual([
    "HTTP_PROXY=a",
    "http_proxy=a",
    "NO_PROXY=b",
    "no_proxy=b",
  ]);
});

it("does the triggers of the stage that a stage is based on, with what they need", () => {
  const text = "FROM x AS tool\nFROM a AS base\nONBUILD COPY --from=tool /a /\nONBUILD RUN b\nFROM base\nRUN c\n";
  const { stages } = resolve(text);
  expect(stages.map(({ dependencies }) => dependencies)).toEqual([[], [], [0, 1]]);
  expect(stages[2]?.triggers).toMatchObject([
    { name: "COPY", lines: { first: 5, last: 5 } },
    { name: "RUN", command: { text: "b" } },
  ]);
});

it("builds no stage that a context of the same name stands for", () => {
  const text = "FROM a AS x\nFROM x AS y\nCOPY --from=x /a /\nFROM y\n";
  expect(outline(text, { namedContexts: new Set(["y"]) })).toEqual([
    ["y", { kind: "scratch" }, []],
    ["stage-2", { kind: "stage", index: 1 }, [1]],
  ]);
});

it.each([
  ["FROM $x", "line 1: base name ($x) should not be blank"],
  ["ARG xy=a\n\nFROM $xz", "line 3: base name ($xz) should not be blank (did you mean xy?)"],
  [
    "FROM --platform=$BULIDPLATFORM a",
    "line 1: empty platform value from expression $BULIDPLATFORM (did you mean BUILDPLATFORM?)",
  ],
  ["FROM --platform=% a", 'line 1: failed to parse platform %: "%" is no platform'],
  ['FROM "a', 'line 1: failed to process "\\"a": unexpected end of statement while looking for matching double-quote'],
  [
    "ARG x='\nFROM a",
    `line 1: failed to process "'": unexpected end of statement while looking for matching single-quote`,
  ],
  ["FROM a AS x\nRUN a\nCOPY --from=x a b", "line 3: circular dependency detected on stage: x"],
  [
    "FROM a AS x\nCOPY --from=1 a b\nFROM x AS y\n",
    'line 2: cannot copy from stage "1", it needs to be defined before current stage "x"',
  ],
  [
    "FROM a AS x\nRUN --mount=from=y,target=/z a\nFROM x AS y\n",
    'line 2: cannot copy from stage "y", it needs to be defined before current stage "x"',
  ],
  ["FROM a\nCOPY --from=7 a b", "line 2: invalid stage index 7"],
])("refuses %j", (text, message) => {
  expect(() => resolve(text)).toThrow(
    expect.objectContaining({ code: "invalid-argument", message: `dockerfile parse error on ${message}` }),
  );
});

it("does not mind what is wrong with stages that are not needed", () => {
  expect(outline("FROM a AS x\nCOPY --from=x a b\nFROM b")).toEqual([["stage-1", image("b"), []]]);
});
