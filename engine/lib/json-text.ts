/** JSON that stands written already: it goes out as it is. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Goes with the value: what nobody has any more costs nothing. */
const written = new WeakMap<object, string>();

/** A list of values that never change, each written once for as long as somebody has it. */
export function listText(values: readonly object[]): JsonText {
  return new JsonText(`[${values.map(textOf).join(",")}]`);
}

function textOf(value: object): string {
  const known = written.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  written.set(value, text);
  return text;
}
