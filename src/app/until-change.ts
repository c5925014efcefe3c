import { nextAgeChange } from "../panes/age.ts";
import { nextCountdownChange } from "../panes/countdown.ts";
import type { Mirror } from "../store/mirror.ts";
import { untilStale } from "../store/pace.ts";

/** Milliseconds until a text on the screen reads otherwise; infinity for never. */
export type NextChange = {
  /** An age, which may be late. */
  readonly calm: number;
  /** A countdown, which may not. */
  readonly exact: number;
};

export function untilChange(mirror: Mirror, now: number): NextChange {
  if (mirror.connection.status === "lost") {
    return { calm: 1000 - ((now - mirror.connection.since) % 1000), exact: Number.POSITIVE_INFINITY };
  }
  let calm = untilStale(mirror.paces, now);
  let exact = Number.POSITIVE_INFINITY;
  for (const container of mirror.containers) {
    const live = container.status === "running" || container.status === "paused";
    calm = Math.min(calm, nextAgeChange(live ? container.startedAt : container.finishedAt, now));
    exact = Math.min(exact, nextCountdownChange(container.stopDeadline, now));
  }
  for (const build of mirror.builds) {
    if (build.status === "running") exact = Math.min(exact, 1000 - ((now - Date.parse(build.startedAt)) % 1000));
    else calm = Math.min(calm, nextAgeChange(build.startedAt, now));
  }
  for (const { createdAt } of [...mirror.images, ...mirror.volumes])
    calm = Math.min(calm, nextAgeChange(createdAt, now));
  return { calm, exact };
}
