import { EngineError } from "../errors.ts";
import type { ContainerStatus } from "../protocol/containers.ts";

/** Every legal move of a container's life. From any status it may be taken away: `removing`, then it is gone. */
const moves: { readonly [S in ContainerStatus]: readonly ContainerStatus[] } = {
  created: ["running", "removing"],
  running: ["paused", "exited", "restarting", "removing"],
  paused: ["running", "exited", "restarting", "removing"],
  restarting: ["running", "exited", "removing"],
  exited: ["running", "restarting", "removing"],
  removing: ["removing", "dead"],
  dead: ["removing"],
};

/** Fails with `internal` for a move that no act makes: a bug of the caller. */
export function checkMove(from: ContainerStatus, to: ContainerStatus): void {
  if (from === to || moves[from].includes(to)) return;
  throw new EngineError("internal", `a container cannot go from ${from} to ${to}`);
}

/** A process of its own exists. */
export function isAlive(status: ContainerStatus): boolean {
  return status === "running" || status === "paused";
}

/** docker's idea of running: the restart policy brings it back. */
export function isActive(status: ContainerStatus): boolean {
  return isAlive(status) || status === "restarting";
}
