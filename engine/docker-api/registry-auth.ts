import * as z from "zod/mini";
import { findJson } from "../lib/json.ts";
import type { Credentials } from "../protocol/transfers.ts";
import type { ApiCall } from "./api-call.ts";
import { text } from "./go-json.ts";

const longestHeader = 64 * 1024;

/** docker's AuthConfig, names in lower case. */
const authConfig = z.object({ username: text, password: text, identitytoken: text, registrytoken: text });

/**
 * The account of this one request: the header `X-Registry-Auth`, JSON in base64. Null for none, and, as with docker, for what cannot be
 * read. Never kept.
 */
export function registryAuthOf(call: ApiCall): Credentials | null {
  const header = call.request.headers["x-registry-auth"];
  if (typeof header !== "string" || header.length > longestHeader) return null;
  return toCredentials(findJson(Buffer.from(header, "base64url").toString()));
}

/** Of docker's AuthConfig, in the header or as a body: null where it has no account. */
export function toCredentials(value: unknown): Credentials | null {
  // Go takes names whatever their case, and clients rely on it.
  const fields = Object.entries(typeof value === "object" && value !== null ? value : {});
  const parsed = authConfig.safeParse(Object.fromEntries(fields.map(([name, field]) => [name.toLowerCase(), field])));
  if (!parsed.success) return null;
  const { username, password, identitytoken, registrytoken } = parsed.data;
  if (registrytoken !== "") return { type: "registry-token", token: registrytoken };
  if (identitytoken !== "") return { type: "identity-token", token: identitytoken };
  return username === "" ? null : { type: "password", username, password };
}
