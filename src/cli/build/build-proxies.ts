import { readConfig } from "../../client/accounts/config-file.ts";

/** What the user's `config.json` calls a proxy, and the build arguments that docker's client makes of it. */
const names = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  noProxy: "NO_PROXY",
  ftpProxy: "FTP_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/** Build arguments of `proxies.default`; none where the file cannot be read, which matters to nothing else here. */
export async function proxyArguments(): Promise<Record<string, string>> {
  const config: Record<string, unknown> = await readConfig().catch(() => ({}));
  const settings = fieldsOf(fieldsOf(config.proxies).default);
  const given: Record<string, string> = {};
  for (const [key, name] of Object.entries(names)) {
    const value = settings[key];
    if (typeof value !== "string" || value === "") continue;
    given[name] = value;
    given[name.toLowerCase()] = value;
  }
  return given;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
