/** Just enough of DNS messages (RFC 1035) to answer for containers; all else is passed on as it came. */

export const recordTypes = { a: 1, ptr: 12, aaaa: 28, any: 255 } as const;
export const responseCodes = { ok: 0, formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4 } as const;

const optionType = 41;
const classInternet = 1;
const headerSize = 12;
/** Without EDNS (RFC 6891). */
const smallest = 512;
const largest = 4096;

export type Question = {
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  /** Where it ends in the message. */
  readonly end: number;
  /** Bytes that a datagram to the asker may have. */
  readonly limit: number;
};

/** Data of one record: an address' bytes, or a name. */
export type Answer = { readonly type: number; readonly data: Buffer };

/** The only question of a query; null for what is none, or not of class IN. */
export function parseQuestion(message: Buffer): Question | null {
  if (message.length < headerSize + 5) return null;
  const flags = message.readUInt16BE(2);
  const isQuery = (flags & 0x8000) === 0 && ((flags >> 11) & 15) === 0;
  if (!isQuery || message.readUInt16BE(4) !== 1) return null;
  const found = readName(message, headerSize);
  if (found === null || found.end + 4 > message.length) return null;
  const type = message.readUInt16BE(found.end);
  const isInternet = message.readUInt16BE(found.end + 2) === classInternet;
  if (!isInternet) return null;
  const end = found.end + 4;
  return { name: found.name, type, end, limit: limitOf(message, end) };
}

/** A question's name is never compressed: it is the first there is. */
function readName(message: Buffer, start: number): { name: string; end: number } | null {
  const labels: string[] = [];
  for (let at = start; at < message.length && at - start < 255; ) {
    const length = message[at] ?? 0;
    if (length === 0) return { name: labels.join(".").toLowerCase(), end: at + 1 };
    if (length > 63 || at + 1 + length > message.length) return null;
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return null;
}

/** By the OPT record, which stands alone behind the question of an ordinary query. */
function limitOf(message: Buffer, end: number): number {
  const hasOne = message.readUInt16BE(6) === 0 && message.readUInt16BE(8) === 0 && message.readUInt16BE(10) > 0;
  if (!hasOne || end + 5 > message.length || message[end] !== 0 || message.readUInt16BE(end + 1) !== optionType) {
    return smallest;
  }
  return Math.min(Math.max(message.readUInt16BE(end + 3), smallest), largest);
}

export type ResponseOptions = {
  readonly code?: number;
  readonly answers?: readonly Answer[];
  /** Seconds. */
  readonly ttl?: number;
  /** Longer ones are cut off, and say so; null: by TCP. */
  readonly limit: number | null;
};

/** The response to a query with this question. */
export function formatResponse(query: Buffer, question: Question, options: ResponseOptions): Buffer {
  const { code = responseCodes.ok, answers = [], ttl = 0, limit } = options;
  const head = Buffer.from(query.subarray(0, question.end));
  const records = answers.map((answer) => formatRecord(answer, ttl));
  let size = head.length;
  const fitting = records.filter((record) => {
    size += record.length;
    return limit === null || size <= limit;
  });
  const isCut = fitting.length < records.length;
  // Response, recursion desired as asked, authoritative where it is known here, recursion available.
  head.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x0100) | (isCut ? 0x0200 : 0) | code, 2);
  head.writeUInt16BE(fitting.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  return Buffer.concat([head, ...fitting]);
}

/** For what cannot be read: header alone. Null where there is not even one. */
export function formatFailure(query: Buffer, code: number): Buffer | null {
  if (query.length < headerSize || (query.readUInt16BE(2) & 0x8000) !== 0) return null;
  const head = Buffer.alloc(headerSize);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8080 | (query.readUInt16BE(2) & 0x7900) | code, 2);
  return head;
}

/** The name is the question's (a pointer to it). */
function formatRecord({ type, data }: Answer, ttl: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | headerSize, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(classInternet, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** Labels with their lengths. */
export function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label.slice(0, 63), "latin1");
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** The address that `5.0.9.10.in-addr.arpa` or the like of ip6.arpa asks for, as bytes in hex; null for other names. */
export function addressOfPointer(name: string): string | null {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (four !== null) {
    const octets = four.slice(1).reverse().map(Number);
    return octets.every((octet) => octet < 256) ? Buffer.from(octets).toString("hex") : null;
  }
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  return six === null ? null : (six[1] ?? "").split(".").reverse().join("");
}
