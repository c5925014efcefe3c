import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import { leadsOut } from "./rootfs-checks.ts";
import type { SpecInput } from "./types.ts";

export const initPath = "/sbin/docker-init";
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

type CommandInput = Pick<SpecInput, "request" | "image">;

/**
 * Entrypoint and command as docker merges them: an entrypoint of the user's own drops the image's command as well.
 * Fails with `invalid-argument` where nothing is left to run.
 */
export function resolveCommand({ request, image }: CommandInput): string[] {
  const own = request.entrypoint;
  const entrypoint = own ?? image.entrypoint;
  const command = request.command ?? (own === undefined ? image.command : []);
  const args = [...entrypoint, ...command];
  if (args.length > 0) return args;
  throw new EngineError("invalid-argument", `no command to run: image ${request.image} names none`, {
    hint: "write a command after the image's name",
    exitCode: 125,
  });
}

/** Later wins; a bare NAME takes a variable away. Order of first appearance. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const separator = entry.indexOf("=");
    if (separator === -1) merged.delete(entry);
    else if (separator > 0 && !entry.includes("\0")) merged.set(entry.slice(0, separator), entry);
  }
  return [...merged.values()];
}

/** HOME is left to the runtime, which takes it from the container's passwd where nobody set it. */
export function resolveEnvironment(input: CommandInput & Pick<SpecInput, "hostname">): string[] {
  const defaults = [defaultPath, `HOSTNAME=${input.hostname}`, ...(input.request.terminal ? ["TERM=xterm"] : [])];
  return mergeEnvironment(defaults, input.image.environment, input.request.environment);
}

/** Fails with `invalid-argument` for a relative path, and for one that could lead out by an inherited descriptor. */
export function checkWorkingDirectory(path: string): string {
  const clean = posix.normalize(path);
  // CVE-2024-21626: a descriptor leaked by a runtime, reached through /proc, is a way out of the container.
  const leads = leadsOut(clean);
  if (clean.startsWith("/") && !leads && !clean.includes("\0")) return clean;
  throw new EngineError("invalid-argument", `working directory ${JSON.stringify(path)} is not an absolute path`, {
    exitCode: 125,
  });
}
