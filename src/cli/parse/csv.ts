/** One CSV record: fields may stand in double quotes, which a pair of them escapes. */
export function splitCsv(text: string): string[] {
  const fields = text.match(/("(?:[^"]|"")*"|[^,])+/g) ?? [];
  return fields.map((field) =>
    field.replaceAll(/"((?:[^"]|"")*)"/g, (_, inner: string) => inner.replaceAll('""', '"')),
  );
}
