import { EngineError } from "../errors.ts";

const nanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** A duration in Go's notation (`90s`, `1h30m`, `1.5h`, `-10m`) in nanoseconds, or null for what is none. */
export function findGoDuration(text: string): bigint | null {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) return null;
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of (match[2] ?? "").matchAll(/(\d*)(?:\.(\d*))?([a-zµμ]+)/g)) {
    const size = nanoseconds[unit] ?? 0n;
    total += BigInt(whole || "0") * size;
    // Eighteen digits are more than a nanosecond of an hour.
    const digits = fraction.slice(0, 18);
    if (digits !== "") total += (BigInt(digits) * size) / 10n ** BigInt(digits.length);
  }
  return match[1] === "-" ? -total : total;
}

/** The same, or fails with `invalid-argument`. */
export function parseGoDuration(text: string): bigint {
  const duration = findGoDuration(text);
  if (duration !== null) return duration;
  throw new EngineError("invalid-argument", `duration ${JSON.stringify(text)} is not of the form 1h30m, 90s or 500ms`);
}

/** Nanoseconds as Go writes them: `1h30m0s`, `1.5s`, `300ms`, `0s`. */
export function formatGoDuration(duration: bigint): string {
  if (duration < 0n) return `-${formatGoDuration(-duration)}`;
  if (duration === 0n) return "0s";
  for (const unit of ["ns", "µs", "ms"] as const) {
    const size = nanoseconds[unit] ?? 1n;
    if (duration < size * 1000n) return `${formatFraction(duration, size)}${unit}`;
  }
  const hours = duration / 3_600_000_000_000n;
  const minutes = (duration / 60_000_000_000n) % 60n;
  const seconds = `${formatFraction(duration % 60_000_000_000n, 1_000_000_000n)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${minutes}m${seconds}` : seconds;
}

function formatFraction(value: bigint, unit: bigint): string {
  const rest = value % unit;
  if (rest === 0n) return String(value / unit);
  const digits = String(unit).length - 1;
  return `${value / unit}.${String(rest).padStart(digits, "0").replace(/0+$/, "")}`;
}
