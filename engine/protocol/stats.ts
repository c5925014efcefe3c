import * as z from "zod/mini";

/** One container at one moment. Rates are over the time since the sample before; null while there is none. */
export const statsSample = z.object({
  container: z.string(),
  /** Milliseconds since the epoch. */
  time: z.number(),
  cpu: z.object({
    /** Percent of one core: 200 is two whole cores. */
    percent: z.nullable(z.number()),
    /** Percent of the limit, or of all cores without one. */
    percentOfLimit: z.nullable(z.number()),
    /** Nanoseconds used since the start. */
    total: z.number(),
    /** Part of the scheduler's periods in which the limit held it back, 0-100. */
    throttledPercent: z.nullable(z.number()),
    /** Cores it may use. */
    cores: z.number(),
  }),
  memory: z.object({
    /** Bytes without the page cache that can be reclaimed at once (usage - inactive_file). */
    used: z.number(),
    /** Bytes of page cache. */
    cache: z.number(),
    /** Bytes; the host's memory where there is no limit. */
    limit: z.number(),
    limited: z.boolean(),
    oomKills: z.number(),
  }),
  network: z.object({
    receivedBytes: z.number(),
    sentBytes: z.number(),
    /** Bytes a second. */
    receiveRate: z.nullable(z.number()),
    sendRate: z.nullable(z.number()),
  }),
  blockIO: z.object({
    readBytes: z.number(),
    writtenBytes: z.number(),
    readRate: z.nullable(z.number()),
    writeRate: z.nullable(z.number()),
  }),
  pids: z.number(),
  pidsLimit: z.nullable(z.number()),
});
export type StatsSample = z.infer<typeof statsSample>;
