import * as z from "zod/mini";

/** Something that happened, after it is durable. Types and actions are docker's. */
export const engineEvent = z.object({
  /** Nanoseconds since the epoch as a decimal string: more digits than a double holds. */
  timeNano: z.string(),
  type: z.enum(["container", "image", "network", "volume", "daemon"]),
  /** create start die kill stop pause unpause restart rename destroy oom exec_create exec_start exec_die attach … */
  action: z.string(),
  /** Id of the object. */
  id: z.string(),
  attributes: z.record(z.string(), z.string()),
});
export type EngineEvent = z.infer<typeof engineEvent>;
