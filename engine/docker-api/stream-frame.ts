/** Bytes before each piece of a stream that holds stdout and stderr. */
export const frameHead = 8;

/** Writes docker's head of a frame, `[stream, 0, 0, 0, length (32 bit, big-endian)]`, and gives where the bytes themselves begin. */
export function appendFrame(
  into: Buffer,
  at: number,
  { stream, length }: { readonly stream: 1 | 2; readonly length: number },
): number {
  into.writeUInt32BE(stream << 24, at);
  return into.writeUInt32BE(length, at + 4);
}
