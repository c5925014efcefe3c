import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildRequest } from "../../engine/protocol/builds.ts";
import { type Built, buildRequestOf, imageOf, runBuild } from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { busyTraces, forgetAll } from "../support/fault-build-storm.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.[Symbol.asyncDispose](), 30_000);

const base = "FROM gantry/busybox\n";
const build = (dockerfile: string, fields: Partial<BuildRequest> = {}): Promise<Built> =>
  runBuild(engine, buildRequestOf(dockerfile, fields));

/** Milliseconds that others wait for an answer at worst while something is built. */
async function worstAnswer(work: Promise<Built>): Promise<{ built: Built; worst: number }> {
  let [isOver, worst] = [false, 0];
  const end = work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const begin = performance.now();
    await engine.client.request("builds.list", {}).catch(() => null);
    worst = Math.max(worst, performance.now() - begin);
    await sleep(5);
  }
  return { built: await end, worst };
}

const lines = (count: number, line: (number: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n)).join("\n");

it.each([
  ["10,000 steps", `${base}${lines(10_000, (n) => `RUN echo ${n}`)}`, /more than \d+ (?:steps|instructions)/],
  ["10,000 stages", lines(10_000, (n) => `FROM ${n === 0 ? "gantry/busybox" : `s${n - 1}`} AS s${n}`), /more than/],
  [
    "100,000 variables",
    `${base}${lines(4_000, (n) => `ENV ${lines(25, (m) => `A${n}_${m}=1`).replaceAll("\n", " ")}`)}\nRUN true`,
    /line 40\d: more than 10000 variables/,
  ],
  [
    "variables that double",
    `${base}ENV a0=xxxxxxxxxxxxxxxx\n${lines(60, (n) => `ENV a${n + 1}=$a${n}$a${n}`)}`,
    /expand to more than/,
  ],
  ["names in names", `${base}ENV a=\${${"a:-${".repeat(5_000)}`, /./],
  ["a heredoc without an end", `${base}RUN <<E\n${"x\n".repeat(100_000)}`, /unterminated heredoc/],
  [
    "1,000 heredocs",
    `${base}COPY ${lines(1_000, (n) => `<<E${n}`).replaceAll("\n", " ")} /x/\n${lines(1_000, (n) => `x\nE${n}`)}\nRUN exit 9`,
    /exit code: 9|more than/,
  ],
  ["a line of a megabyte", `${base}RUN : ${"x".repeat(1_000_000)}`, /line greater than max allowed size/],
  ["lines that go on", `${base}RUN : ${"\\\n".repeat(200_000)}true\nRUN exit 9`, /exit code: 9|more than/],
  ["brackets", `${base}CMD ${"[".repeat(60_000)}\nRUN exit 9`, /exit code: 9/],
  ["flags", `${base}RUN ${"--mount=type=tmpfs,target=/a ".repeat(10_000)} true`, /./],
  [
    "cache mounts",
    `${base}RUN ${lines(3_000, (n) => `--mount=type=cache,target=/c${n}`).replaceAll("\n", " ")} true`,
    /./,
  ],
  ["ONBUILD of ONBUILD", `${base}ONBUILD ONBUILD RUN true`, /ONBUILD/],
  ["a cycle", "FROM b AS a\nFROM a AS b", /./],
  ["a copy of itself", `FROM gantry/busybox AS a\nCOPY --from=a /x /y`, /line 2.*circular dependency/],
  ["a copy of itself by its number", `FROM gantry/busybox\nCOPY --from=0 /x /y`, /circular dependency|line 2/],
  ["a copy of a later one", `FROM gantry/busybox AS a\nCOPY --from=b /x /y\nFROM a AS b`, /needs to be defined before/],
  ["control characters in a stage", `FROM gantry/busybox AS \u001b[31mred`, /./],
  ["a null byte", `${base}RUN echo \0 x\nRUN exit 9`, /./],
  ["a null byte in ENV", `${base}ENV A=x\0y\nRUN exit 9`, /./],
  ["a null byte in WORKDIR", `${base}WORKDIR /a\0b`, /./],
  ["a null byte in COPY", `${base}COPY a\0b /x`, /./],
  ["a null byte in a mount", `${base}RUN --mount=type=tmpfs,target=/a\0b true`, /./],
  ["a null byte in USER", `${base}USER a\0b\nRUN true`, /./],
])(
  "bears a Dockerfile with %s",
  async (_what, dockerfile, message) => {
    const { built, worst } = await worstAnswer(build(dockerfile));
    expect(built.error?.message).toMatch(message);
    expect(built.error?.code).not.toBe("internal");
    expect(built.error?.message.length).toBeLessThan(4_000);
    expect(built.error?.message).not.toMatch(/[\u0000-\u0008\u001b]/);
    expect(worst).toBeLessThan(1_000);
    await eventually(() => busyTraces(engine).length === 0, 5);
  },
  20_000,
);

it("keeps control characters out of names", async () => {
  for (const name of ["a\u001b[2Jb", "a\nb", "a b", "../x", "a\u0000b", "-x"]) {
    expect((await build(base, { tags: [name] })).error, name).toMatchObject({ code: "invalid-argument" });
    const odd = await build(`${base}RUN true\n`, { cgroupParent: `x${name}` });
    expect(odd.error?.code ?? "none", name).toMatch(/invalid-argument|none|failed-precondition/);
    const network = await build(`${base}RUN true # ${name}\n`.replaceAll("\n# ", " "), { network: name });
    expect(network.error?.code, name).toMatch(/invalid-argument|not-found/);
    const label = await build(`${base}RUN echo ${JSON.stringify(name)} >/x\n`, { labels: { [name]: name } });
    expect(label.error?.code ?? "none", name).toMatch(/invalid-argument|none/);
    const host = await build(`${base}RUN cat /etc/hosts # x\n`, {
      extraHosts: [{ name: `h${name}`, address: "1.2.3.4\n6.6.6.6 bank" }],
    });
    expect(host.output, name).not.toContain("\n6.6.6.6");
  }
  expect(await engine.log()).not.toContain("\u001b");
}, 30_000);

it("takes what a failed step has left away with the build", async () => {
  await forgetAll(engine);
  const layers = () => readdirSync(join(engine.config.root, "layers")).filter((name) => !name.startsWith("."));
  const before = 1;
  await eventually(() => layers().length === before, 5);
  const { id, error } = await build(`${base}RUN echo left >/left; exit 1\n`);
  expect(error?.message).toContain("exit code: 1");
  expect(layers().length).toBe(before + 1);
  const shown = await engine.client.request("builds.debug", { build: id });
  expect(await engine.client.request("builds.debug", { build: id })).toEqual(shown);
  await engine.client.request("builds.remove", { builds: [id] });
  const isShown = async () =>
    (await engine.client.request("images.list", {})).some((image) => image.id === shown.imageID);
  await eventually(async () => !(await isShown()), 5);
  expect(await engine.client.request("builder.usage", {})).toEqual([]);
  await eventually(() => layers().length === before, 5);
  const other = await build(`${base}RUN echo left >/left; exit 1\n`);
  await forgetAll(engine);
  await eventually(() => layers().length === before, 5);
  await expect(engine.client.request("builds.debug", { build: other.id })).rejects.toMatchObject({ code: "not-found" });
}, 20_000);

it("tells a secret to nobody but the command", async () => {
  const value = "c0rrect-horse";
  const secrets = [{ id: "k", value: Buffer.from(value).toString("base64") }];
  const mount = "--mount=type=secret,id=k --mount=type=secret,id=k,env=K";
  const dockerfile = `${base}RUN ${mount} test "$K" = "$(cat /run/secrets/k)" && date >/made\nRUN ${mount} exit 7\nRUN true\n`;
  const built = await build(dockerfile, { secrets });
  expect(built.error?.exitCode).toBe(7);
  const told = [
    built,
    await engine.client.request("builds.inspect", { build: built.id }),
    await engine.client.request("builds.list", {}),
    await engine.client.request("builder.usage", {}),
    await engine.client.request("builds.debug", { build: built.id }),
    await engine.log(),
  ];
  const wanted = new RegExp(`${value}|${secrets[0]?.value}`);
  expect(JSON.stringify(told)).not.toMatch(wanted);
  const found = execFileSync("sh", [
    "-c",
    `grep -rlasE '${wanted.source}' ${engine.config.root} ${engine.config.run} || true`,
  ]);
  expect(String(found)).toBe("");
  const retried = engine.client.request("builds.retry", { build: built.id });
  await expect(retried).rejects.toMatchObject({ code: "failed-precondition" });
  imageOf(await build(`${base}RUN ! env | grep ^K=\n`));
}, 20_000);
