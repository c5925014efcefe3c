import { resolve } from "node:path";
import { UsageError } from "./parse/usage-error.ts";

/** Of the commands that start an engine. */
export const dockerSocketOption: [flags: string, description: string] = [
  "--docker-socket <path>",
  "link docker's API there as well, as /var/run/docker.sock; off: serve none",
];

/** For the engine's own program, whose working directory is another. */
export function dockerSocketFlags(choice: string | undefined): string[] {
  if (choice === undefined) return [];
  if (choice === "on" || choice === "off") return ["--docker-socket", choice];
  if (choice === "") throw new UsageError("--docker-socket needs a path, or off", 1);
  return ["--docker-socket", resolve(choice)];
}
