import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";
import { startRegistry } from "../support/registry.ts";

const examples = fileURLToPath(new URL("../support/docker-py-examples.py", import.meta.url));

/** Debian's python3-docker: the examples of its README and of its own documentation. */
it("does what docker-py's documentation says", async () => {
  const { engine } = scene;
  await using registry = await startRegistry();
  const env = {
    PATH: "/usr/bin:/bin",
    DOCKER_HOST: `unix://${engine.config.dockerSocket}`,
    IMAGE: starterImage,
    REGISTRY: registry.address,
  };
  const output = await new Promise<string>((resolve) => {
    execFile("/usr/bin/python3", ["-W", "ignore", examples], { env }, (error, stdout, stderr) => {
      resolve(error === null ? stdout : `${stdout}${stderr}${error.message}`);
    });
  });
  const lines = output.trim().split("\n");
  expect(lines.filter((line) => !line.startsWith("ok "))).toEqual([]);
  expect(lines.length).toBeGreaterThan(12);
}, 120_000);

const scene = engineOfFile();
