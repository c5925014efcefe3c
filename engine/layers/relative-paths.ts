import { type BytePath, bytePathOf } from "../lib/byte-path.ts";

/** Absolute paths of a container as the layers know them: relative to their top. */
export function relativePaths(paths: readonly string[] = []): BytePath[] {
  return paths.map((path) => bytePathOf(path.replace(/^\/+|\/+$/g, ""))).filter((path) => path !== "");
}
