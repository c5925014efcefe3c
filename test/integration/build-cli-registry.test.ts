import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { starterImage } from "../support/engine.ts";
import { startedForFile } from "../support/engine-of-file.ts";
import { type CommandOptions, gantryFor } from "../support/gantry-command.ts";
import { startRegistry, type TestRegistry, testUsers } from "../support/registry.ts";

const engine = startedForFile();
let registry: TestRegistry;
let place: string;
let gantry: (args: readonly string[], options?: CommandOptions) => ReturnType<ReturnType<typeof gantryFor>>;

beforeAll(async () => {
  place = mkdtempSync("/tmp/gantry-test-");
  registry = await startRegistry({ auth: "basic" });
  const command = gantryFor(engine.config);
  gantry = (args, options = {}) => command(args, { ...options, env: { DOCKER_CONFIG: place, ...options.env } });
  const [[user, password] = ["", ""]] = Object.entries(testUsers);
  const login = await gantry(["login", "-u", user, "--password-stdin", registry.address], { input: password });
  expect(login.code).toBe(0);
}, 60_000);

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

const strange = () => ({ env: { DOCKER_CONFIG: join(place, "stranger") } });

it("pushes what it has built, and builds on it again with the user's account", async () => {
  const name = `${registry.address}/team/app:1`;
  const built = await gantry(["build", "--push", "-t", name, "-"], {
    input: `FROM ${starterImage}\nRUN echo pushed > /p\n`,
  });
  expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/1: digest: sha256:\w{64} size: \d+\n$/) });
  await gantry(["rmi", name]);
  const dockerfile = `ARG BASE\nFROM $BASE\nRUN cat /p\n`;
  const args = ["build", "--no-cache", "--build-arg", `BASE=${name}`, "-"];
  const refused = await gantry(args, { ...strange(), input: dockerfile });
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/ERROR: line 2: .*(?:login|account|denied)/s),
  });
  const again = await gantry(args, { input: dockerfile });
  expect(again).toMatchObject({ code: 0, stderr: expect.stringMatching(/#\d+ \d\.\d+ pushed\n/) });
});

it("passes on the proxies of the user's settings, and the clock of the environment", async () => {
  const config = join(place, "proxied");
  mkdirSync(config);
  writeFileSync(join(config, "config.json"), JSON.stringify({ proxies: { default: { httpProxy: "http://p:1" } } }));
  const env = { DOCKER_CONFIG: config, SOURCE_DATE_EPOCH: "1000000000" };
  const input = `FROM ${starterImage}\nARG SOURCE_DATE_EPOCH\nRUN echo "$http_proxy $HTTP_PROXY $SOURCE_DATE_EPOCH"\n`;
  const { stderr } = await gantry(["build", "--no-cache", "-"], { input, env });
  expect(stderr).toContain("http://p:1 http://p:1 1000000000\n");
  const ids = [];
  for (let index = 0; index < 2; index++) {
    const quiet = { input: `FROM scratch\nCOPY --from=${starterImage} /etc/passwd /\n`, env };
    ids.push((await gantry(["build", "-q", "--no-cache", "-"], quiet)).stdout);
  }
  expect(ids[0]).toMatch(/^sha256:/);
  expect(ids[1]).toBe(ids[0]);
});

it("gives secrets, and never shows them", async () => {
  writeFileSync(join(place, "token"), "t0ken");
  const input = `FROM ${starterImage}\nRUN --mount=type=secret,id=a test "$(rev /run/secrets/a)" = nek0t\nRUN --mount=type=secret,id=B,env=B test "$B" = here\n`;
  const flags = ["--secret", `id=a,src=${join(place, "token")}`, "--secret", "id=B"];
  const { code, stderr } = await gantry(["build", "--no-cache", ...flags, "-"], { input, env: { B: "here" } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining("t0ken") });
});
