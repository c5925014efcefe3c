import { writeFileSync } from "node:fs";
import { EngineError, messageOf } from "../../engine/errors.ts";
import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import type { EngineClient } from "../client/connection.ts";
import type { Cli } from "./cli.ts";
import type { PullChoice } from "./pull-first.ts";

type Options = PullChoice & {
  readonly cidfile?: string;
  readonly kernelMemory?: string;
  /** The image has to be pulled, which takes its time: what waits for the container in the engine would wait in vain. */
  readonly onPull?: () => void;
};

/** Creates a container, says the engine's warnings, writes the id file. Pulls the image first where need be. Returns the id. */
export async function createContainer(
  cli: Cli,
  client: EngineClient,
  request: CreateRequest,
  options: Options,
): Promise<string> {
  const { id, warnings } = await createOrPull(cli, client, request, options);
  if (options.kernelMemory !== undefined)
    cli.say("warning: --kernel-memory has no effect: kernels have no such limit any more");
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

/** What pulls is loaded only where it is needed. */
async function createOrPull(cli: Cli, client: EngineClient, request: CreateRequest, options: Options) {
  const { pull, platform, quiet } = options;
  const choice = { ...given("pull", pull), ...given("platform", platform), ...given("quiet", quiet) };
  if (pull !== undefined || platform !== undefined) {
    options.onPull?.();
    await (await import("./pull-first.ts")).pullFirst(cli, client, request.image, choice);
  }
  try {
    return await client.request("containers.create", request);
  } catch (failure) {
    options.onPull?.();
    const { pullMissing } = await import("./pull-first.ts");
    if (!(await pullMissing(cli, client, request.image, { ...choice, failure }))) throw failure;
    return client.request("containers.create", request);
  }
}

function given<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}
