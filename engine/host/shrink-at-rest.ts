import { releaseFreeMemory } from "./syscalls.ts";

/** Bytes of growth that are worth a collection. */
const worthwhile = 32 * 1024 * 1024;
/** Of one processor's time, our threads together: less is rest. A hundred containers that idle take a tenth of it. */
const restingShare = 0.05;

/**
 * Gives memory back after a burst of work. V8 keeps the pages that it has emptied for the next burst, half of what a thousand clients at once
 * leave behind, and collects nothing while nothing is allocated. A collection that gives them up takes 30 to 100 ms: it comes when
 * all threads have rested for `interval` milliseconds and much has been added since the last one. Does nothing in a Node without `--expose-gc`.
 */
export function shrinkAtRest(interval = 10_000): Disposable {
  let least = process.memoryUsage.rss();
  let before = process.cpuUsage();
  let isResting = false;
  const look = () => {
    const now = process.cpuUsage();
    const used = (now.user + now.system - before.user - before.system) / 1000;
    before = now;
    const rested = isResting;
    isResting = used < interval * restingShare;
    const resident = process.memoryUsage.rss();
    least = Math.min(least, resident);
    if (!rested || !isResting || resident < least + worthwhile) return;
    globalThis.gc?.({ type: "major", flavor: "last-resort", execution: "sync" });
    releaseFreeMemory();
    // What cannot be given up is not asked for again.
    least = process.memoryUsage.rss();
    before = process.cpuUsage();
  };
  const timer = setInterval(look, interval).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
