import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import * as z from "zod/mini";
import type { EngineConfig } from "../config.ts";
import { EngineError, messageOf } from "../errors.ts";
import { checkSocketLink } from "../host/socket-link.ts";
import { findJson } from "../lib/json.ts";
import type { Log } from "../log.ts";
import type { DockerServerOptions } from "./docker-server.ts";

const hint = "give on, off or a path such as /var/run/docker.sock";

/** `docker-socket` of engine.json: "on", "off", or a path that is to lead to the socket, as /var/run/docker.sock. */
const schema = z.object({ "docker-socket": z.optional(z.string()) });

export type DockerChoice = {
  /** Of the command line, and goes before engine.json; a path may be relative. */
  readonly flag: string | undefined;
  readonly log: Log;
};

/**
 * Where docker's Engine API is to be served, null for nowhere; where nobody says anything at `config.dockerSocket`. A flag that cannot
 * be followed fails with `invalid-argument`, `already-exists` or `failed-precondition`. engine.json must not keep the engine from its
 * containers: what is wrong there is told in the log.
 */
export async function planDockerSocket(
  config: EngineConfig,
  choice: DockerChoice,
): Promise<DockerServerOptions | null> {
  const { flag, log } = choice;
  if (flag !== undefined) return parseChoice(config, flag.includes("/") ? resolve(flag) : flag);
  try {
    return await parseChoice(config, await readChoice(config.settings));
  } catch (error) {
    log.error(`docker's API has no other place than ${config.dockerSocket}: ${messageOf(error)}`);
    return { socket: config.dockerSocket, link: null };
  }
}

async function parseChoice(
  { dockerSocket: socket }: EngineConfig,
  choice: string,
): Promise<DockerServerOptions | null> {
  if (choice === "off") return null;
  if (choice === "on" || choice === socket) return { socket, link: null };
  if (!isAbsolute(choice)) {
    throw new EngineError("invalid-argument", `docker-socket ${JSON.stringify(choice)} is no path`, { hint });
  }
  await checkSocketLink(choice, socket);
  return { socket, link: choice };
}

async function readChoice(settings: string): Promise<string> {
  const path = join(settings, "engine.json");
  const text = await readFile(path, "utf8").catch(() => "{}");
  const parsed = schema.safeParse(findJson(text));
  if (parsed.success) return parsed.data["docker-socket"] ?? "on";
  throw new EngineError("invalid-argument", `${path}: docker-socket is no text`, { hint });
}
