/** A package's header in the form of rpm's database, of string and 32-bit fields by tag. */
export function rpmHeader(fields: Readonly<Record<number, string | number>>): Buffer {
  const entries: Buffer[] = [];
  const data: Buffer[] = [];
  let size = 0;
  for (const [tag, value] of Object.entries(fields)) {
    const isNumber = typeof value === "number";
    const padding = isNumber ? (4 - (size % 4)) % 4 : 0;
    const bytes = isNumber ? Buffer.alloc(4) : Buffer.from(`${value}\0`);
    if (isNumber) bytes.writeUInt32BE(value);
    data.push(Buffer.alloc(padding), bytes);
    const entry = Buffer.alloc(16);
    entry.writeUInt32BE(Number(tag), 0);
    entry.writeUInt32BE(isNumber ? 4 : 6, 4);
    entry.writeUInt32BE(size + padding, 8);
    entry.writeUInt32BE(1, 12);
    entries.push(entry);
    size += padding + bytes.length;
  }
  const intro = Buffer.alloc(8);
  intro.writeUInt32BE(entries.length, 0);
  intro.writeUInt32BE(size, 4);
  return Buffer.concat([intro, ...entries, ...data]);
}
