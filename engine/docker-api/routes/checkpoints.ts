import * as z from "zod/mini";
import type { ContainerService } from "../../containers/container-service.ts";
import { EngineError } from "../../errors.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { flag, text } from "../go-json.ts";
import type { Route } from "../router.ts";

const createBody = z.object({ CheckpointID: text, CheckpointDir: text, Exit: flag });

/** docker has them as experimental, and its description of the API leaves them out; a start from one is `start?checkpoint=`. */
export function checkpointRoutes({ containers }: ServerParts): Route[] {
  const path = "/containers/{id}/checkpoints";
  return [
    { method: "GET", path, handle: (call) => list(containers, call) },
    { method: "POST", path, handle: (call) => create(containers, call) },
    { method: "DELETE", path: `${path}/{checkpoint}`, handle: (call) => remove(containers, call) },
  ];
}

/** They lie with their container. */
export function refuseCheckpointDirectory(directory: string): void {
  if (directory === "") return;
  throw new EngineError("unimplemented", "checkpoints lie with their container: --checkpoint-dir is not supported");
}

async function list({ checkpoints }: ContainerService, call: ApiCall): Promise<void> {
  refuseCheckpointDirectory(call.text("dir"));
  const found = await checkpoints.list(call.param("id"));
  call.reply(
    200,
    found.map(({ name }) => ({ Name: name })),
  );
}

async function create({ checkpoints }: ContainerService, call: ApiCall): Promise<void> {
  const body = await call.json(createBody);
  refuseCheckpointDirectory(body.CheckpointDir);
  await checkpoints.create(call.param("id"), body.CheckpointID, !body.Exit);
  call.end(201);
}

async function remove({ checkpoints }: ContainerService, call: ApiCall): Promise<void> {
  refuseCheckpointDirectory(call.text("dir"));
  await checkpoints.remove(call.param("id"), call.param("checkpoint"));
  call.end(204);
}
