import * as z from "zod/mini";
import { EngineError } from "../errors.ts";

/** Checks a document from outside against its schema. Fails with `corrupt` and the first field that is wrong. */
export function parseDocument<T extends z.core.$ZodType>(schema: T, value: unknown, what: string): z.infer<T> {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".").slice(0, 120)}`;
  throw new EngineError("corrupt", `${what} is malformed${field}: ${reasonOf(issue)}`, { cause: parsed.error });
}

function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === "unrecognized_keys") return `unknown field ${issue.keys.join(", ").slice(0, 80)}`;
  return issue?.message ?? "unknown reason";
}
