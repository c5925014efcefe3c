/**
 * What docker's `logs --details` puts before each line: the labels and variables of the container that its log options name
 * (`labels`, `labels-regex`, `env`, `env-regex`), as `key=value,…` sorted by key, and a blank. `inspected`: docker's inspect JSON.
 */
export function logDetails(inspected: Readonly<Record<string, unknown>>): string {
  const { Config, HostConfig } = inspected as {
    readonly Config?: {
      readonly Labels?: Readonly<Record<string, string>> | null;
      readonly Env?: readonly string[] | null;
    };
    readonly HostConfig?: { readonly LogConfig?: { readonly Config?: Readonly<Record<string, string>> | null } };
  };
  const options = HostConfig?.LogConfig?.Config ?? {};
  const labels = Object.entries(Config?.Labels ?? {});
  const variables = (Config?.Env ?? []).map((text): [string, string] => {
    const equals = text.indexOf("=");
    return equals === -1 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
  });
  const chosen = new Map([
    ...labels.filter(([key]) => isNamed(key, options.labels, options["labels-regex"])),
    ...variables.filter(([key]) => isNamed(key, options.env, options["env-regex"])),
  ]);
  const texts = [...chosen]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map((pair) => pair.map(escapeQuery).join("="));
  return `${texts.join(",")} `;
}

function isNamed(key: string, list = "", pattern = ""): boolean {
  return list.split(",").includes(key) || (pattern !== "" && matches(pattern, key));
}

/** Docker refuses such a container at its start. */
function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern).test(key);
  } catch {
    return false;
  }
}

/** As Go escapes a query. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replace(/[!'()*]/g, (sign) => {
      return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
    });
}
