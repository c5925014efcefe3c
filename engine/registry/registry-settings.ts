import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError, messageOf } from "../errors.ts";
import { findJson } from "../lib/json.ts";

/** Proxies as the administrator wrote them; null: the environment of the engine decides. */
export type ProxySettings = {
  readonly http: string | null;
  readonly https: string | null;
  readonly no: string | null;
};

/** What a host's administrator decided about registries. */
export type RegistrySettings = {
  /** Registries that may speak http and need no valid certificate: `host`, `host:port`, or a network such as 10.0.0.0/8. */
  readonly insecure: readonly string[];
  /** Asked for images of docker.io before docker.io itself, in this order. Without a slash at their ends. */
  readonly mirrors: readonly string[];
  readonly proxies: ProxySettings;
};

const insecureRegistry = z.string().check(
  z.refine((entry) => isHost(entry) || isNetwork(entry), {
    error: "must be a host, host:port or a network such as 10.0.0.0/8, without http:// before it",
  }),
);
const mirror = z
  .string()
  .check(
    z.refine(isPlainURL, { error: "must be a URL such as https://mirror.example, without name, password and query" }),
  );
const proxy = z.string().check(
  // The value is never repeated in a message: it may hold a password.
  z.refine((value) => value === "" || isProxy(value), { error: "must be a URL such as http://proxy.example:3128" }),
);

/** Keys as in docker's daemon.json. */
const schema = z.strictObject({
  "insecure-registries": z.optional(z.array(insecureRegistry)),
  "registry-mirrors": z.optional(z.array(mirror)),
  proxies: z.optional(
    z.strictObject({
      "http-proxy": z.optional(proxy),
      "https-proxy": z.optional(proxy),
      "no-proxy": z.optional(z.string()),
    }),
  ),
  // Others' (containers/container-logs.ts, networks/network-settings.ts, docker-api/docker-settings.ts).
  "log-driver": z.optional(z.string()),
  "log-opts": z.optional(z.record(z.string(), z.string())),
  ip: z.optional(z.unknown()),
  "default-address-pools": z.optional(z.unknown()),
  "docker-socket": z.optional(z.unknown()),
});

/** Reads `<directory>/engine.json`; a file that is not there means nothing was decided. Fails with `failed-precondition`. */
export async function readRegistrySettings(directory: string): Promise<RegistrySettings> {
  const path = join(directory, "engine.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "{}";
    throw new EngineError("failed-precondition", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  return parseRegistrySettings(text, path);
}

/** `path` names the text in messages. Fails with `failed-precondition` and the first mistake. */
export function parseRegistrySettings(text: string, path: string): RegistrySettings {
  const document = findJson(text);
  if (document === undefined) throw mistake(path, "it is not valid json");
  const parsed = z.safeParse(schema, document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.map(String).join(".")} `;
    throw mistake(path, issue === undefined ? "it is malformed" : `${where}${reasonOf(issue)}`);
  }
  const { proxies } = parsed.data;
  return {
    insecure: (parsed.data["insecure-registries"] ?? []).map((entry) => entry.toLowerCase()),
    mirrors: (parsed.data["registry-mirrors"] ?? []).map((url) => url.replace(/\/+$/, "")),
    proxies: {
      http: proxies?.["http-proxy"] ?? null,
      https: proxies?.["https-proxy"] ?? null,
      no: proxies?.["no-proxy"] ?? null,
    },
  };
}

function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return `has an unknown key ${JSON.stringify(issue.keys[0])}`;
  if (issue.code === "invalid_type")
    return `must be ${issue.expected === "string" ? "a text" : `an ${issue.expected}`}`;
  return issue.message;
}

function mistake(path: string, reason: string): EngineError {
  return new EngineError("failed-precondition", `${path}: ${reason}`, {
    hint: "correct the file and try again; its keys are insecure-registries, registry-mirrors and proxies",
  });
}

export function isHost(text: string): boolean {
  const match = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(\d{1,5}))?$/i.exec(text);
  return match === null ? isIP(text) === 6 : Number(match[1] ?? 0) <= 65_535;
}

export function isNetwork(text: string): boolean {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const family = isIP(match?.[1] ?? "");
  return family !== 0 && Number(match?.[2]) <= (family === 4 ? 32 : 128);
}

function isPlainURL(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

/** As Go reads a proxy's address: without a scheme it is http. */
export function isProxy(text: string): boolean {
  return URL.canParse(proxyURL(text)) && /^https?:$/.test(new URL(proxyURL(text)).protocol);
}

export function proxyURL(text: string): string {
  return text.includes("://") ? text : `http://${text}`;
}
