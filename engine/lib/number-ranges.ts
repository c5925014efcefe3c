/** The numbers of a list such as `0-3,8`, as the kernel writes and reads it; null where it is none. */
export function parseRanges(text: string): number[] | null {
  const numbers: number[] = [];
  for (const part of text.trim().split(",")) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first)) return null;
    for (let number = Number(first); number <= Number(last); number++) numbers.push(number);
  }
  return numbers;
}
