import { formatBytes } from "../../format/bytes.ts";

/** Bytes a second with their sign: `+1.2MB/s`. */
export function rateText(rate: number): string {
  return `${rate < 0 ? "-" : "+"}${formatBytes(Math.abs(rate))}/s`;
}
