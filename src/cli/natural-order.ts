/** Names as docker sorts them: `web2` before `web10`. For sort. */
export function compareNaturally(first: string, second: string): number {
  const [a, b] = [splitDigits(first), splitDigits(second)];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const order = compareParts(a[index] ?? "", b[index] ?? "");
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function splitDigits(text: string): readonly string[] {
  return text.match(/\d+|\D+/g) ?? [];
}

function compareParts(a: string, b: string): number {
  if (/^\d/.test(a) && /^\d/.test(b)) {
    const [one, other] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
    if (one.length !== other.length) return one.length - other.length;
    if (one !== other) return one < other ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
