/**
 * Numbers out of the kernel's text files, read from a buffer without making a string of the file: a pass over twenty containers reads
 * two hundred of them a second.
 */

/** The unsigned decimal number that starts at an offset, or null. Digits beyond 2^53 lose precision, as in any double. */
export function numberAt(bytes: Buffer, start: number, length: number): number | null {
  let value = 0;
  let position = start;
  for (; position < length; position++) {
    const digit = (bytes[position] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return position === start ? null : value;
}

/** `key` as the first word of a line, in the form `fieldAfter` looks for. */
export function lineKey(key: string): Buffer {
  return Buffer.from(`\n${key} `);
}

/** The number after a line's key (made by `lineKey`), or null. */
export function fieldAfter(bytes: Buffer, length: number, key: Buffer): number | null {
  // The first line has no newline before it.
  if (length >= key.length && bytes.compare(key, 1, key.length, 0, key.length - 1) === 0) {
    return numberAt(bytes, key.length - 1, length);
  }
  const found = bytes.subarray(0, length).indexOf(key);
  return found === -1 ? null : numberAt(bytes, found + key.length, length);
}

/** The sum of the numbers after every occurrence of a word, e.g. `rbytes=` over all devices. */
export function sumAfter(bytes: Buffer, length: number, word: Buffer): number {
  const text = bytes.subarray(0, length);
  let sum = 0;
  for (let found = text.indexOf(word); found !== -1; found = text.indexOf(word, found + word.length)) {
    sum += numberAt(text, found + word.length, length) ?? 0;
  }
  return sum;
}

/** How many CPUs a list such as `0-3,7` names; 0 for an empty list. */
export function countCpus(list: string): number {
  let count = 0;
  for (const part of list.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match !== null) count += Number(match[2] ?? match[1]) - Number(match[1]) + 1;
  }
  return count;
}

/** Bytes received and sent over all interfaces but loopback, of a /proc/<pid>/net/dev text. */
export function sumNetworkBytes(text: string): { receivedBytes: number; sentBytes: number } {
  let receivedBytes = 0;
  let sentBytes = 0;
  for (const line of text.split("\n")) {
    const match = /^\s*(\S+):\s*(\d+)(?:\s+\d+){7}\s+(\d+)/.exec(line);
    if (match === null || match[1] === "lo") continue;
    receivedBytes += Number(match[2]);
    sentBytes += Number(match[3]);
  }
  return { receivedBytes, sentBytes };
}
