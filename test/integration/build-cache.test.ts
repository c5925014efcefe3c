import { createHash } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import {
  type Built,
  buildRequestOf,
  contextDirectory,
  directoryRequest,
  imageOf,
  runBuild,
  statusLines,
} from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(() => forgetAll());

async function forgetAll(): Promise<void> {
  const all = { all: true, keepStorage: null, until: null, types: [], ids: [] };
  await engine.client.request("builder.prune", all);
}

/** A number that is another one each time it is made. */
const random = "RUN cat /proc/sys/kernel/random/uuid > /id";

async function build(dockerfile: string, fields: Partial<BuildRequest> = {}): Promise<Built> {
  const built = await runBuild(engine, buildRequestOf(dockerfile, fields));
  imageOf(built);
  return built;
}

function statuses(built: Built): string[] {
  return built.steps.filter(({ number }) => number > 0).map(({ status }) => status);
}

it("makes the very same image of what has not changed", async () => {
  const dockerfile = `FROM gantry/busybox\n${random}\nENV A=1\nRUN true\nCMD ["x"]\n`;
  const [first, second] = [await build(dockerfile), await build(dockerfile)];
  expect(imageOf(second)).toBe(imageOf(first));
  expect(statuses(second)).toEqual(["done", "cached", "cached", "cached", "cached"]);
});

it("keeps what it has made over a kill of the engine", async () => {
  const dockerfile = `FROM gantry/busybox\n${random}\n`;
  const first = await build(dockerfile);
  await engine.stop("SIGKILL");
  await engine.start();
  expect(imageOf(await build(dockerfile))).toBe(imageOf(first));
});

it("makes nothing anew for what no command sees", async () => {
  await build(`FROM gantry/busybox\nLABEL a=1\nEXPOSE 80\n${random}\nCMD ["x"]\n`);
  const built = await build(`FROM gantry/busybox\nLABEL a=2\nEXPOSE 81\nSTOPSIGNAL 9\n${random}\nCMD ["y"]\n`);
  expect(statusLines(built)).toContain(`${random}: cached`);
});

it("makes anew what sees a change, and all that stands on it", async () => {
  const sees: [string, string][] = [
    ["ENV A=1", "ENV A=2"],
    ["ARG B=1", "ARG B=2"],
    ["USER 1", "USER 2"],
    ["WORKDIR /a", "WORKDIR /b"],
    ['SHELL ["/bin/sh", "-c"]', 'SHELL ["/bin/sh", "-ec"]'],
    ["RUN echo 1 > /tmp/1", "RUN echo 2 > /tmp/2"],
  ];
  for (const [before, after] of sees) {
    const of = (line: string) => `FROM gantry/busybox\n${line}\nRUN id > /tmp/id\nRUN true\n`;
    await build(of(before));
    expect([after, ...statuses(await build(of(after))).slice(-2)]).toEqual([after, "done", "done"]);
  }
});

it("asks for the content of exactly the files that a step reads, never for their times", async () => {
  await using context = await contextDirectory({
    Dockerfile: `FROM gantry/busybox\nCOPY a /a\n${random}\nCOPY . /all\n`,
    ".dockerignore": "ignored\n",
    a: "1",
    b: "1",
    ignored: "1",
  });
  const again = async (files: Record<string, string>): Promise<string[]> => {
    await context.write(files);
    return statuses(await runBuild(engine, directoryRequest(context))).slice(1);
  };
  await again({});
  expect(await again({ a: "1", b: "1", ignored: "2" })).toEqual(["cached", "cached", "cached"]);
  expect(await again({ b: "2" })).toEqual(["cached", "cached", "done"]);
  expect(await again({ a: "2" })).toEqual(["done", "done", "done"]);
  expect(await again({ a: "1" })).toEqual(["cached", "cached", "cached"]);
});

it("copies again from a stage only if what it copies has changed", async () => {
  const of = (one: string, other: string) =>
    `FROM gantry/busybox AS made\nRUN echo ${one} > /one; echo ${other} > /other\nFROM gantry/busybox\nCOPY --from=made /one /\n${random}\n`;
  await build(of("1", "1"));
  expect(statuses(await build(of("1", "2"))).slice(1)).toEqual(["done", "done", "cached", "cached"]);
  expect(statuses(await build(of("2", "2"))).slice(1)).toEqual(["done", "done", "done", "done"]);
});

it("knows a secret by its name only, and leaves it nowhere", async () => {
  const dockerfile = `FROM gantry/busybox\nRUN --mount=type=secret,id=key sha256sum /run/secrets/key | cut -c1-8 > /sum; cat /sum\n`;
  const secret = (value: string) => [{ id: "key", value: Buffer.from(value).toString("base64") }];
  const first = await build(dockerfile, { secrets: secret("one") });
  expect(first.output).toBe("7692c3ad\n");
  expect(imageOf(await build(dockerfile, { secrets: secret("two") }))).toBe(imageOf(first));
  const anew = await build(`${dockerfile}RUN ls /run/secrets || true\n`, { secrets: secret("one") });
  expect(anew.output).toContain("No such file or directory");
});

it("does without the cache where it is told to", async () => {
  const dockerfile = `FROM gantry/busybox AS a\n${random}\nFROM gantry/busybox AS b\n${random}\nCOPY --from=a /id /a\n`;
  await build(dockerfile);
  expect(statuses(await build(dockerfile, { noCache: true }))).not.toContain("cached");
  const filtered = await build(dockerfile, { noCacheFilter: ["a"] });
  expect(statusLines(filtered)).toEqual([
    "FROM gantry/busybox AS a: done",
    `${random}: done`,
    "FROM gantry/busybox AS b: done",
    `${random}: cached`,
    "COPY --from=a /id /a: done",
  ]);
});

it("makes a step once that several builds want at the same time", async () => {
  const dockerfile = `FROM gantry/busybox\nRUN sleep 0.3; echo told; cat /proc/sys/kernel/random/uuid > /id\n`;
  const built = await Promise.all([build(dockerfile), build(dockerfile), build(dockerfile)]);
  expect(new Set(built.map(imageOf)).size).toBe(1);
  expect(built.map(({ output }) => output)).toEqual(["told\n", "told\n", "told\n"]);
  expect(built.flatMap((each) => statuses(each)).filter((status) => status === "cached").length).toBe(2);
});

it("makes the step itself where the build that was at it is cancelled", async () => {
  const dockerfile = `FROM gantry/busybox\nRUN sleep 1; echo done > /file\n`;
  const first = buildRequestOf(dockerfile);
  const cancelled = runBuild(engine, first);
  await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.current.startsWith("RUN") === true);
  const other = build(dockerfile);
  await engine.client.request("builds.cancel", { build: first.buildID });
  expect((await cancelled).error).toMatchObject({ code: "cancelled" });
  expect(statuses(await other)).toEqual(["done", "done"]);
});

it("gives the same digest twice with SOURCE_DATE_EPOCH", async () => {
  await using context = await contextDirectory({
    Dockerfile:
      "FROM gantry/busybox\nWORKDIR /w\nCOPY . .\nRUN mkdir d && echo x > d/x && ln -s x d/l && touch z y\nCMD x\n",
    "sub/file": "x",
  });
  const once = async () =>
    imageOf(await runBuild(engine, directoryRequest(context, { noCache: true, sourceDateEpoch: 1_700_000_000 })));
  expect(await once()).toBe(await once());
  const { Created } = await engine.client.request("images.inspect", { image: await once() });
  expect(Date.parse(String(Created))).toBe(1_700_000_000_000);
});

it("takes steps from a cache that was brought to a directory, for builds that name it and no others", async () => {
  await using directory = await contextDirectory({});
  const cache = { type: "local", path: `${directory.path}/cache` } as const;
  const dockerfile = `FROM gantry/busybox AS a\n${random}\nFROM gantry/busybox\nCOPY --from=a /id /\nRUN true\n`;
  const first = await build(dockerfile, { cacheTo: [{ ...cache, mode: "max" }] });
  await forgetAll();
  const second = await build(dockerfile, { cacheFrom: [cache] });
  expect(statuses(second)).toEqual(["done", "cached", "done", "cached", "cached"]);
  expect(imageOf(second)).toBe(imageOf(first));
  await forgetAll();
  expect(statuses(await build(dockerfile))).not.toContain("cached");
});

it("never takes for a file's content what was there before or after", async () => {
  const contents = ["a", "b"].map((letter) => letter.repeat(100_000));
  await using context = await contextDirectory({
    Dockerfile: "FROM gantry/busybox\nCOPY file /file\n",
    file: contents[0] ?? "",
  });
  const path = `${context.path}/file`;
  const isOver = new AbortController();
  const writing = (async () => {
    for (let count = 0; !isOver.signal.aborted; count++) {
      await writeFile(`${path}.new`, contents[count % 2] ?? "");
      await rename(`${path}.new`, path);
    }
  })();
  for (let count = 0; count < 20; count++) await runBuild(engine, directoryRequest(context, { noCache: true }));
  isOver.abort();
  await writing;
  const sums: string[] = [];
  for (const content of contents) {
    await writeFile(path, content);
    const built = await runBuild(engine, directoryRequest(context, { tags: ["now:1"] }));
    imageOf(built);
    const shown = await build(`FROM now:1\nRUN md5sum /file\n`, { noCache: true });
    sums.push(shown.output);
  }
  expect(sums).toEqual(contents.map((content) => `${createHash("md5").update(content).digest("hex")}  /file\n`));
});
