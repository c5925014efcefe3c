import { afterEach, expect, it } from "vitest";
import { checkConfig, createConfig, defaultRoot, defaultRun } from "../../engine/config.ts";

const { GANTRY_ROOT, GANTRY_RUN } = process.env;
afterEach(() => {
  Object.assign(process.env, { GANTRY_ROOT, GANTRY_RUN });
  for (const name of ["GANTRY_ROOT", "GANTRY_RUN"]) if (process.env[name] === "undefined") delete process.env[name];
});

it("takes an empty variable for none, as clients do, and not for the working directory", () => {
  Object.assign(process.env, { GANTRY_ROOT: "", GANTRY_RUN: "" });
  expect(createConfig()).toMatchObject({ root: defaultRoot, run: defaultRun, instance: "" });
});

it("refuses directories in which logs would go astray or no socket can be", () => {
  const check = (root: string, run: string) => () => checkConfig(createConfig({ root, run }));
  expect(check("/var/lib/gantry", "/run/gantry")).not.toThrow();
  expect(check("/srv/a:b/gantry", "/run/gantry")).toThrow("root directory /srv/a:b/gantry has a colon");
  expect(check("/var/lib/gantry", `/run/${"x".repeat(90)}`)).not.toThrow();
  expect(check("/var/lib/gantry", `/run/${"x".repeat(91)}`)).toThrow("is too long for the path of a socket");
});
