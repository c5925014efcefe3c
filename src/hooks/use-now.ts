import { useEffect, useState } from "react";

/**
 * Milliseconds that a text may be late. Samples come once a second and draw all times anew; without this, each of twenty containers
 * that started at moments of their own would ask for a frame of its own every second.
 */
const patience = 1_100;

/**
 * The time, which moves on only when something on the screen would read otherwise: `untilChange` says in how many
 * milliseconds that is, infinity for never, of what may be late (`calm`) and of what may not (`exact`).
 */
export function useNow(untilChange: (now: number) => { readonly calm: number; readonly exact: number }): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const { calm, exact } = untilChange(Date.now());
    const wait = Math.min(calm + patience, exact);
    if (wait === Number.POSITIVE_INFINITY) return undefined;
    // A day is far within what a timer can count. A timer may fire a millisecond early, which would change nothing.
    const timer = setTimeout(() => setNow(Date.now()), Math.min(wait + 1, 86_400_000));
    return () => clearTimeout(timer);
  });
  // Whatever else made us draw: the time is not older than that.
  return Math.max(now, Date.now());
}
