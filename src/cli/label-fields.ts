type Labels = Readonly<Record<string, string>>;

/** `{{.Label "tier"}}`: empty where there is none. */
export function labelReader(labels: Labels): (key: string) => string {
  return (key) => (Object.hasOwn(labels, key) ? (labels[key] ?? "") : "");
}

/** `{{.Labels}}`: `a=1,b=2` */
export function joinLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}
