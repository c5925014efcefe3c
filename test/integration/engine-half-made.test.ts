import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createContainer, startTestEngine } from "../support/engine.ts";

it.each([
  ["empty", ""],
  ["cut off", '{"version":1,"lay'],
])("takes away a container whose making was cut off with an %s record of its file system", async (_what, text) => {
  await using engine = await startTestEngine();
  const whole = await createContainer(engine, { name: "whole" });
  const half = await createContainer(engine, { name: "half" });
  await engine.stop("SIGKILL");
  writeFileSync(join(engine.config.root, "containers", half, "layers.json"), text);
  await engine.start();
  const listed = await engine.client.request("containers.list", { all: true });
  expect(listed.map(({ name }) => name)).toEqual(["whole"]);
  expect(readdirSync(join(engine.config.root, "containers")).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([
    whole,
  ]);
  await engine.client.request("containers.start", { container: "whole" });
  await engine.client.request("containers.remove", { container: "whole", force: true, volumes: true });
});
