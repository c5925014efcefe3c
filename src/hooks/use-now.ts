import { useEffect, useState } from "react";

/**
 * Milliseconds that a text may be late. Samples come once a second and draw all times anew; without this, each of twenty containers
 * that started at moments of their own would ask for a frame of its own every second.
 */
const patience = 1_100;

/**
 * The time, which moves on only when something on the screen would read otherwise: `untilChange` says in how many
 * milliseconds that is, infinity for never.
 */
export function useNow(untilChange: (now: number) => number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const wait = untilChange(Date.now());
    if (wait === Number.POSITIVE_INFINITY) return undefined;
    // A day is far within what a timer can count.
    const timer = setTimeout(() => setNow(Date.now()), Math.min(wait + patience, 86_400_000));
    return () => clearTimeout(timer);
  });
  // Whatever else made us draw: the time is not older than that.
  return Math.max(now, Date.now());
}
