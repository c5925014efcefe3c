import { afterAll, beforeAll, expect, it } from "vitest";
import { type Built, buildRequestOf, imageOf, runBuild } from "../support/builds.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const build = (dockerfile: string, fields = {}): Promise<Built> => runBuild(engine, buildRequestOf(dockerfile, fields));

it("does not wait for itself where a command mounts one locked cache twice", async () => {
  const cache = "--mount=type=cache,sharing=locked,id=twice,target=";
  const { error, output } = await build(`FROM gantry/busybox\nRUN ${cache}/a ${cache}/b echo x >/a/x && cat /b/x\n`);
  expect(error).toBeNull();
  expect(output).toBe("x\n");
}, 15_000);

it("does not wait in a circle where two commands lock the same caches in another order", async () => {
  const cache = (id: string) => `--mount=type=cache,sharing=locked,id=${id},target=/${id}`;
  const stage = (name: string, ids: readonly string[]) =>
    `FROM gantry/busybox AS ${name}\nRUN ${ids.map(cache).join(" ")} sleep 0.1; echo ${name} >/out\n`;
  const copies = "FROM scratch\nCOPY --from=one /out /one\nCOPY --from=two /out /two\n";
  for (let count = 0; count < 5; count++) {
    const dockerfile = `${stage("one", ["p", "q"])}${stage("two", ["q", "p"])}${copies}`;
    imageOf(await build(dockerfile, { noCache: true }));
  }
}, 30_000);

it("tells caches apart by what they begin with", async () => {
  const dockerfile = (text: string) =>
    `FROM gantry/busybox AS from\nRUN mkdir /c && echo ${text} >/c/text\n` +
    "FROM gantry/busybox\nRUN --mount=type=cache,from=from,source=/c,target=/c cat /c/text\n";
  expect((await build(dockerfile("one"))).output).toContain("one\n");
  expect((await build(dockerfile("two"), { noCache: true })).output).toContain("two\n");
}, 20_000);

it("refuses a trigger that copies from the stage it is in, or from a later one", async () => {
  const trigger = (from: string, tag: string) =>
    build(`FROM gantry/busybox\nONBUILD COPY --from=${from} /bin/busybox /x\n`, { tags: [tag] });
  imageOf(await trigger("0", "own:1"));
  imageOf(await trigger("late", "later:1"));
  expect((await build("FROM own:1\n")).error?.message).toBe(
    "stage 0, line 1: circular dependency detected on stage: stage-0",
  );
  const late = "FROM later:1 AS early\nFROM gantry/busybox AS late\nCOPY --from=early /x /x\n";
  expect((await build(late)).error?.message).toBe("stage early, line 1: circular dependency detected on stage: early");
}, 20_000);
