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
const dash = 0x2d;
const letterE = 0x65;
const letterP = 0x50;
const letterS = 0x73;
const letterT = 0x54;
const conmonTimeLength = 35;

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

/**
 * Where the text of the record between two offsets begins, or -1 if it is no record. conmon's time always has 35 characters; others
 * are understood, too.
 */
function textOf(bytes: Buffer, start: number, end: number): number {
  const afterTime = bytes[start + conmonTimeLength] === space ? start + conmonTimeLength : bytes.indexOf(space, start);
  // "stdout" and "stderr" are six bytes, then a space, the tag, a space: nine bytes after the first space and its own.
  const text = afterTime + 10;
  if (afterTime === -1 || text > end || bytes[afterTime + 7] !== space || bytes[afterTime + 9] !== space) return -1;
  // A host that crashed may leave zeros before a whole record: what does not look like a time is none.
  if (bytes[start + 4] !== dash || bytes[start + 10] !== letterT || bytes[afterTime + 1] !== letterS) return -1;
  return text;
}

/** Decodes the record between two offsets, or null if it is none. */
function decodeLine(bytes: Buffer, start: number, end: number): LogRecord | null {
  const text = textOf(bytes, start, end);
  if (text === -1) return null;
  return {
    time: bytes.toString("latin1", start, text - 10),
    stream: bytes[text - 6] === letterE ? "stderr" : "stdout",
    partial: bytes[text - 2] === letterP,
    start: text,
    end,
  };
}
