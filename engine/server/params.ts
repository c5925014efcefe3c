import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { EngineError } from "../errors.ts";

// zod/mini has no words of its own; "invalid input" helps nobody.
z.config(en());

/** Parses what a client sent. Fails with `invalid-argument`, naming each field that is wrong (three at most). */
export function parseParams<S extends z.ZodMiniType>(schema: S, value: unknown, what: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 3).map((issue) => {
    const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
    return issue.path.length === 0 ? message : `${z.core.toDotPath(issue.path)}: ${message}`;
  });
  throw new EngineError("invalid-argument", `${what}: ${issues.join("; ")}`);
}
