/** Whether labels pass filters of the form `key` or `key=value`, with `!` before it for those without. */
export function matchesLabels(labels: Readonly<Record<string, string>>, filters: readonly string[]): boolean {
  return filters.every((filter) =>
    filter.startsWith("!") ? !hasLabel(labels, filter.slice(1)) : hasLabel(labels, filter),
  );
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals === -1 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals === -1 || labels[key] === wanted.slice(equals + 1));
}
