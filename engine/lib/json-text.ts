/** The value of a JSON text, or undefined where it is none. */
export function decodeJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
