import { EngineError } from "../errors.ts";

/** Seconds since the epoch and 0 to 999,999,999 nanoseconds; the sum is the time, also before 1970. */
export type TarTime = { readonly seconds: number; readonly nanoseconds: number };

/** Bytes of a field up to the first NUL. */
export function stringField(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString("latin1", start, end === -1 || end > start + length ? start + length : end);
}

/** A number in octal digits, or in base 256 where the first bit is set (GNU, star). Fails with `corrupt`. */
export function numberField(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first & 0x80) return base256(block, start, length);
  const text = block.toString("latin1", start, start + length).replace(/^[ \0]+|[ \0].*$/gs, "");
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw new EngineError("corrupt", "a number of its header is not octal");
  return Number.parseInt(text, 8);
}

function base256(block: Buffer, start: number, length: number): number {
  const negative = block[start] === 0xff;
  let value = negative ? -1n : BigInt((block[start] ?? 0) & 0x7f);
  for (let at = start + 1; at < start + length; at++) value = value * 256n + BigInt(block[at] ?? 0);
  return safeInteger(value, "a number of its header");
}

/** Decimal digits of a pax record. Fails with `corrupt`. */
export function decimal(text: string, what: string): number {
  if (!/^-?\d{1,19}$/.test(text)) throw new EngineError("corrupt", `${what} is not a number`);
  return safeInteger(BigInt(text), what);
}

/** Seconds with a fraction of any length, as pax writes times. Fails with `corrupt`. */
export function decimalTime(text: string): TarTime {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw new EngineError("corrupt", "its modification time is not a number");
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}

function safeInteger(value: bigint, what: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new EngineError("corrupt", `${what} is too large`);
  return number;
}

/** The sum of all bytes of a header, its own field taken as spaces; some old programs summed signed bytes. */
export function hasValidChecksum(block: Buffer): boolean {
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let at = 0; at < 512; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    if (byte > 127) high++;
  }
  const stated = /^[ \0]*([0-7]{1,8})/.exec(block.toString("latin1", 148, 156))?.[1];
  if (stated === undefined) return false;
  const sum = Number.parseInt(stated, 8);
  return sum === unsigned || sum === unsigned - 256 * high;
}

export function isZero(block: Buffer): boolean {
  for (let at = 0; at < 512; at += 8)
    if (block.readDoubleLE(at) !== 0 || block[at + 7] !== 0) return isZeroSlowly(block);
  return true;
}

function isZeroSlowly(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
