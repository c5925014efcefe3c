import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import * as z from "zod/mini";
import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import type { DockerServerOptions } from "./docker-server.ts";

/** `docker-socket` of engine.json: "on", "off", or a path that is to lead to the socket, as /var/run/docker.sock. */
const schema = z.object({ "docker-socket": z.optional(z.string()) });

/**
 * Where docker's Engine API is to be served, null for nowhere. `flag`: of the command line, and goes before engine.json; a path there may
 * be relative. Without either it is served at `config.dockerSocket`. Fails with `invalid-argument` for what is neither a word nor a path.
 */
export async function planDockerSocket(config: EngineConfig, flag?: string): Promise<DockerServerOptions | null> {
  const choice = flag ?? (await readChoice(config.settings)) ?? "on";
  if (choice === "off") return null;
  const socket = config.dockerSocket;
  if (choice === "on" || choice === socket) return { socket, link: null };
  if (flag === undefined ? isAbsolute(choice) : choice.includes("/")) return { socket, link: resolve(choice) };
  throw new EngineError("invalid-argument", `docker-socket ${JSON.stringify(choice)} is no path`, {
    hint: "give on, off or a path such as /var/run/docker.sock",
  });
}

async function readChoice(settings: string): Promise<string | undefined> {
  const path = join(settings, "engine.json");
  const text = await readFile(path, "utf8").catch(() => "{}");
  const parsed = schema.safeParse(findJson(text));
  if (parsed.success) return parsed.data["docker-socket"];
  throw new EngineError("invalid-argument", `${path}: docker-socket is no text`, {
    hint: "give on, off or a path such as /var/run/docker.sock",
  });
}
