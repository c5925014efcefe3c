import { expect, it } from "vitest";
import { engineEnvironment } from "../../../src/client/start-engine.ts";

it("gives the engine nothing that could change what it does as long as it lives", () => {
  const kept = {
    PATH: "/usr/bin",
    LANG: "C.UTF-8",
    LC_TIME: "de_DE",
    TZ: "UTC",
    GANTRY_DEBUG: "1",
    https_proxy: "http://p",
  };
  const dropped = {
    NODE_OPTIONS: "--inspect=0.0.0.0",
    NODE_EXTRA_CA_CERTS: "/x",
    LD_PRELOAD: "/x.so",
    AWS_SECRET_KEY: "x",
  };
  const given = engineEnvironment({ ...kept, ...dropped });
  expect(given).toMatchObject(kept);
  for (const name of Object.keys(dropped)) expect(given).not.toHaveProperty(name);
});
