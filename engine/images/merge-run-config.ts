/** docker's ContainerConfig, as far as an image can have it. Empty and null fields: not set. */
export type RunConfig = Readonly<Record<string, unknown>>;

/** Fields of which both sides count, and of the same key that which goes over. */
const maps = ["ExposedPorts", "Volumes", "Labels"] as const;

/**
 * A configuration over that of a container, as docker's commit has it (moby daemon/commit.go, merge): maps and variables are joined, what
 * is not set stays. An entrypoint takes the container's command away.
 */
export function mergeRunConfig(over: RunConfig, under: RunConfig): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(over).filter(([, value]) => isSet(value)));
  const merged: Record<string, unknown> = { ...under, ...given };
  for (const name of maps) {
    if (given[name] !== undefined) merged[name] = { ...objectOf(under[name]), ...objectOf(given[name]) };
  }
  if (given.Env !== undefined) merged.Env = joinVariables(under.Env, given.Env);
  if (given.Entrypoint !== undefined && given.Cmd === undefined) merged.Cmd = null;
  return merged;
}

function isSet(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function objectOf(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

function joinVariables(under: unknown, over: unknown): string[] {
  const pairs = [under, over].flatMap((list) => (Array.isArray(list) ? (list as string[]) : []));
  return [...new Map(pairs.map((pair) => [pair.split("=", 1)[0], pair])).values()];
}
