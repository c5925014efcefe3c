/** What the start-up snapshot holds: see snapshot.ts. Every further verb makes each of them a little slower. */
export const hotVerbs: ReadonlySet<string> = new Set([
  "run",
  "create",
  "start",
  "stop",
  "kill",
  "rm",
  "exec",
  "ps",
  "wait",
  "pull",
]);
