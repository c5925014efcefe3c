/** JSON as is, but for characters beyond ASCII that steer a terminal (C1 controls, writing direction): escaped. */
export function printableJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  return json.replace(/[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const plain = /^[\x20-\x7e\n\t]*$/;

/** That printableText would leave it as it is. */
export function isPrintable(text: string): boolean {
  return plain.test(text);
}

/**
 * Text with names from outside in it, made safe for a terminal; tabs and newlines stay. What does that is loaded only for text that
 * needs it, which is rare, and takes as long as a short command.
 */
export async function printableText(text: string): Promise<string> {
  if (isPrintable(text)) return text;
  const { sanitize } = await import("../format/sanitize.ts");
  return text
    .split(/([\n\t])/)
    .map((part) => (part === "\n" || part === "\t" ? part : sanitize(part)))
    .join("");
}
