import { writeFileSync } from "node:fs";
import { EngineError, messageOf } from "../../engine/errors.ts";
import type { CreateRequest } from "../../engine/protocol/containers.ts";
import type { EngineClient } from "../client/connection.ts";
import type { Cli } from "./cli.ts";

/** Creates a container, says the engine's warnings, writes the id file. Returns the id. */
export async function createContainer(
  cli: Cli,
  client: EngineClient,
  request: CreateRequest,
  options: { readonly cidfile?: string },
): Promise<string> {
  const { id, warnings } = await client.request("containers.create", request);
  for (const warning of warnings) cli.say(`warning: ${warning}`);
  if (options.cidfile === undefined) return id;
  try {
    writeFileSync(options.cidfile, id, { flag: "wx" });
  } catch (cause) {
    await client.request("containers.remove", { container: id, force: true, volumes: true });
    throw new EngineError("failed-precondition", `write the container's id: ${messageOf(cause)}`, {
      cause,
      hint: `remove ${options.cidfile} if no container of that id runs`,
      exitCode: 125,
    });
  }
  return id;
}
