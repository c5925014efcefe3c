/** A text as Go's %q writes it: JSON's form is the same for what can be read, and close to it for the rest. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** `["sh" "-c"]`, as Go's %q writes a list. */
export function quotedList(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(" ")}]`;
}
