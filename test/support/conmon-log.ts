import { formatTimestamp } from "../../engine/protocol/timestamps.ts";

export type TestRecord = {
  readonly text: string | Buffer;
  readonly stream?: "stdout" | "stderr";
  readonly partial?: boolean;
  /** RFC 3339 as conmon writes it. */
  readonly time?: string;
};

/** A moment as conmon writes it: nanoseconds, and a numeric zone even for UTC. */
export function conmonTime(seconds: number, nanoseconds = 0): string {
  return formatTimestamp(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)).replace("Z", "+00:00");
}

/** Records in conmon's k8s-file format; without a time, a second apart from the epoch's 1,000th on. */
export function conmonLog(records: readonly TestRecord[]): Buffer {
  const lines = records.map(({ text, stream = "stdout", partial = false, time }, index) =>
    Buffer.concat([
      Buffer.from(`${time ?? conmonTime(1000 + index)} ${stream} ${partial ? "P" : "F"} `),
      Buffer.from(text),
      Buffer.from("\n"),
    ]),
  );
  return Buffer.concat(lines);
}
