import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openTestRuntime, until } from "../support/runtime-bundle.ts";

const defaults = {
  terminal: false,
  openStdin: false,
  environment: [],
  workingDirectory: null,
  user: null,
  privileged: false,
  rows: null,
  columns: null,
};

it("ends a further process after its time, by its conmon alone, and leaves nothing", async () => {
  await using test = await openTestRuntime();
  const bundle = await test.create("host", { command: ["sleep", "100"] });
  await test.runtime.start("host");
  const base = { ...defaults, container: "host", bundle };
  const before = await test.runtime.processes("host");
  const session = await test.runtime.exec({ ...base, execID: "late", command: ["sleep", "99"], limit: 1 });
  expect(await test.runtime.processes("host")).toContain(session.pid);
  expect(await session.exitCode).not.toBe(0);
  await until(() => !existsSync(join(test.config.run, "exec", "late")), "its directory to go");
  expect(await test.runtime.processes("host")).toEqual(before);
});

it("kills a further process with all that it has started", async () => {
  await using test = await openTestRuntime();
  const bundle = await test.create("host", { command: ["sleep", "100"] });
  await test.runtime.start("host");
  const before = await test.runtime.processes("host");
  const command = ["sh", "-c", "sleep 97 & sleep 98 & wait"];
  const session = await test.runtime.exec({ ...defaults, container: "host", bundle, execID: "many", command });
  const many = before.length + 3;
  for (let seen = 0; seen < many; ) seen = (await test.runtime.processes("host")).length;
  session.kill();
  expect(await session.exitCode).toBe(137);
  for (let seen = many; seen > before.length; ) seen = (await test.runtime.processes("host")).length;
  session.kill();
});
