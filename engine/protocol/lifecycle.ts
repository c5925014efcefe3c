import * as z from "zod/mini";
import { resources, restartPolicy } from "./resources.ts";

const checkpoint = { container: z.string(), checkpoint: z.string() };

/** Acts on containers beyond start and stop. */
export const lifecycleMethods = {
  /** Changes limits, live where it runs; null and empty values are left as they are. Nothing is changed where one is refused. */
  "containers.update": {
    params: z.object({ container: z.string(), resources, restartPolicy: z.optional(restartPolicy) }),
    result: z.object({ warnings: z.array(z.string()) }),
  },
  /** Removes containers that do not run. until, labels: as images.prune. bytes: of what they wrote and their logs. */
  "containers.prune": {
    params: z.object({ until: z.nullable(z.string()), labels: z.array(z.string()), dryRun: z.boolean() }),
    result: z.object({
      removed: z.array(z.object({ id: z.string(), name: z.string(), size: z.number() })),
      bytes: z.number(),
    }),
  },
  /** Freezes a running container's processes into files (criu). `unimplemented`, in one sentence, where this host cannot. */
  "checkpoints.create": { params: z.object({ ...checkpoint, leaveRunning: z.boolean() }), result: z.object({}) },
  "checkpoints.list": {
    params: z.object({ container: z.string() }),
    result: z.array(z.object({ name: z.string(), createdAt: z.string(), size: z.number() })),
  },
  "checkpoints.remove": { params: z.object(checkpoint), result: z.object({}) },
  /** Starts a container that does not run from a checkpoint of its own. */
  "checkpoints.restore": { params: z.object(checkpoint), result: z.object({}) },
} as const;
