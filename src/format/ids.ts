/** The first twelve characters of an id, without the algorithm of a digest: what docker shows and everyone types. */
export function shortID(id: string): string {
  return id.slice(id.indexOf(":") + 1).slice(0, 12);
}
