import { afterEach, expect, it } from "vitest";
import { createConfig, defaultRoot, defaultRun } from "../../engine/config.ts";

const { GANTRY_ROOT, GANTRY_RUN } = process.env;
afterEach(() => {
  Object.assign(process.env, { GANTRY_ROOT, GANTRY_RUN });
  for (const name of ["GANTRY_ROOT", "GANTRY_RUN"]) if (process.env[name] === "undefined") delete process.env[name];
});

it("takes an empty variable for none, as clients do, and not for the working directory", () => {
  Object.assign(process.env, { GANTRY_ROOT: "", GANTRY_RUN: "" });
  expect(createConfig()).toMatchObject({ root: defaultRoot, run: defaultRun, instance: "" });
});
