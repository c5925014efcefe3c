import * as z from "zod/mini";
import { buildSummary } from "./builds.ts";
import { containerSummary } from "./containers.ts";
import { imageSummary } from "./images.ts";
import { networkSummary } from "./networks.ts";
import { progress } from "./rpc.ts";
import { volumeSummary } from "./volumes.ts";

/** Long work under way in the engine, whoever asked for it. */
const operation = z.object({
  id: z.string(),
  /** e.g. `load`, `import`. */
  kind: z.string(),
  title: z.string(),
  startedAt: z.string(),
  /** True: `operations.cancel` ends it. */
  isCancellable: z.boolean(),
  progress: z.nullable(progress),
});
export type Operation = z.infer<typeof operation>;

/**
 * Items of the topic `state`. The first is a snapshot, unless the client resumed; then come changes. A client that reads too
 * slowly gets fewer, newer changes: two changes of one object become one.
 */
export const stateItem = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("snapshot"),
    revision: z.number(),
    containers: z.array(containerSummary),
    images: z.array(imageSummary),
    networks: z.array(networkSummary),
    volumes: z.array(volumeSummary),
    /** Those that run, and the last of the past. */
    builds: z.optional(z.array(buildSummary)),
    operations: z.array(operation),
  }),
  z.object({
    type: z.literal("change"),
    /** The engine's state after this change; a client resumes with the last one it has seen. */
    revision: z.number(),
    containers: z.array(containerSummary),
    removedContainers: z.array(z.string()),
    images: z.array(imageSummary),
    removedImages: z.array(z.string()),
    /** All there are now; absent where they did not change. */
    networks: z.optional(z.array(networkSummary)),
    volumes: z.optional(z.array(volumeSummary)),
    builds: z.optional(z.array(buildSummary)),
    /** All that are under way now; null when they did not change. */
    operations: z.nullable(z.array(operation)),
  }),
]);
export type StateItem = z.infer<typeof stateItem>;
