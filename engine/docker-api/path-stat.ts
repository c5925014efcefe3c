import type { PathStat } from "../protocol/archives.ts";

/** Types of stat(2) and the bits that Go has for them (io/fs.FileMode). */
const types: ReadonlyMap<number, number> = new Map([
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
]);

/** docker's `X-Docker-Container-Path-Stat`. */
export function formatPathStat({ name, size, mode, modifiedAt, linkTarget }: PathStat): string {
  const stat = { name, size, mode: goFileMode(mode), mtime: modifiedAt, linkTarget };
  return Buffer.from(JSON.stringify(stat)).toString("base64");
}

/** What stat(2) gives, as Go numbers it. */
export function goFileMode(mode: number): number {
  const type = types.get(mode & 0o170000) ?? 0;
  const setuid = (mode & 0o4000) === 0 ? 0 : 2 ** 23;
  const setgid = (mode & 0o2000) === 0 ? 0 : 2 ** 22;
  const sticky = (mode & 0o1000) === 0 ? 0 : 2 ** 20;
  return type + setuid + setgid + sticky + (mode & 0o777);
}
