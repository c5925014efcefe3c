import { UsageError } from "./parse/usage-error.ts";

/** They lie with their container, and go with it. */
export function refuseCheckpointDirectory({ checkpointDir }: { readonly checkpointDir?: string }): void {
  if (checkpointDir === undefined || checkpointDir === "") return;
  throw new UsageError("--checkpoint-dir is not supported: checkpoints are kept with their container");
}
