let last: Promise<void> = Promise.resolve();

/**
 * Resolves when it is the caller's turn to start a process. Starting one blocks the event loop for some milliseconds, more the larger we
 * are and the busier the host: with one a turn of the loop, requests are answered in between, however many containers start at once.
 */
export function forkTurn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}
