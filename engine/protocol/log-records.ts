/**
 * The log of a container is what conmon writes (its `k8s-file` format), one record a line:
 *
 *   2026-11-22T01:38:45.629079477+00:00 stdout F text
 *
 * F ends a line of the container, P is a part without a newline. `containers.logs` sends whole records on the channel
 * `records` as they stand in the file, so that a million of them cost no parsing in the engine; the client decodes.
 */
export type LogRecord = {
  /** RFC 3339 with nanoseconds, as conmon wrote it. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** True when the container had not ended the line yet. */
  readonly partial: boolean;
  /** Offsets into the buffer that was passed in: text without the newline. */
  readonly start: number;
  readonly end: number;
};

const newline = 10;
const space = 32;
const letterE = 0x65;
const letterP = 0x50;

/**
 * Calls `onRecord` for each whole record in `bytes` and returns how many bytes were consumed; the caller keeps the rest for
 * its next chunk. A line that is not a record (a torn write after a crash of the host) is passed over.
 */
export function decodeLogRecords(bytes: Buffer, onRecord: (record: LogRecord) => void): number {
  let position = 0;
  for (;;) {
    const end = bytes.indexOf(newline, position);
    if (end === -1) return position;
    const record = decodeLine(bytes, position, end);
    if (record !== null) onRecord(record);
    position = end + 1;
  }
}

/** Decodes the record between two offsets, or null if it is none. */
function decodeLine(bytes: Buffer, start: number, end: number): LogRecord | null {
  const afterTime = bytes.indexOf(space, start);
  // "stdout" and "stderr" are six bytes, then a space, the tag, a space: nine bytes after the first space and its own.
  const text = afterTime + 10;
  if (afterTime === -1 || text > end || bytes[afterTime + 7] !== space || bytes[afterTime + 9] !== space) return null;
  return {
    time: bytes.toString("latin1", start, afterTime),
    stream: bytes[afterTime + 4] === letterE ? "stderr" : "stdout",
    partial: bytes[afterTime + 8] === letterP,
    start: text,
    end,
  };
}
