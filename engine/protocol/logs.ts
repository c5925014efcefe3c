import * as z from "zod/mini";

/** A line of a container's log for a screen. Text is raw: whoever shows it strips escapes. */
export const logLine = z.object({
  container: z.string(),
  /** RFC 3339 with nanoseconds. */
  time: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  text: z.string(),
  /**
   * Offset of its record in bytes, counted from the first one the container ever wrote, also where the oldest were dropped since: a cursor
   * for `logs.page`, and the order within one container.
   */
  offset: z.number(),
});
export type LogLine = z.infer<typeof logLine>;

/** Which records: times are RFC 3339 or null; tail counts from the end, null is all. */
export const logRange = z.object({
  tail: z.nullable(z.number()),
  since: z.nullable(z.string()),
  until: z.nullable(z.string()),
});
export type LogRange = z.infer<typeof logRange>;

export const logItem = z.object({ lines: z.array(logLine) });
