import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { parseAddress, parseRange } from "../lib/ip-range.ts";
import { findJson } from "../lib/json.ts";
import type { AddressPool } from "./subnet.ts";

/** What the host's administrator decided in engine.json, keys as in docker's daemon.json. */
export type NetworkSettings = {
  /** `ip`: where ports are published for which no address is given; empty: on all. */
  readonly publishAddress: string;
  /** `default-address-pools`; null: our own. */
  readonly pools: readonly AddressPool[] | null;
};

const schema = z.object({
  ip: z.optional(z.string()),
  "default-address-pools": z.optional(z.array(z.object({ base: z.string(), size: z.number() }))),
});

/** Reads `<directory>/engine.json`; a file that is not there means nothing was decided. Fails with `failed-precondition`. */
export async function readNetworkSettings(directory: string): Promise<NetworkSettings> {
  const path = join(directory, "engine.json");
  const text = await readFile(path, "utf8").catch(() => "{}");
  return parseNetworkSettings(text, path);
}

export function parseNetworkSettings(text: string, path: string): NetworkSettings {
  const parsed = z.safeParse(schema, findJson(text));
  if (!parsed.success) throw mistake(path, "`ip` or `default-address-pools` is malformed");
  const { ip = "", "default-address-pools": pools } = parsed.data;
  if (ip !== "" && parseAddress(ip) === null) throw mistake(path, `ip ${JSON.stringify(ip)} is no IP address`);
  return { publishAddress: ip, pools: pools === undefined ? null : pools.map((pool) => parsePool(pool, path)) };
}

function parsePool({ base, size }: { readonly base: string; readonly size: number }, path: string): AddressPool {
  const range = parseRange(base);
  if (range === null) throw mistake(path, `default-address-pools: ${JSON.stringify(base)} is no subnet`);
  const isSize = Number.isInteger(size) && size >= range.prefixLength && size <= (range.family === 4 ? 30 : 126);
  if (!isSize) throw mistake(path, `default-address-pools: ${base} cannot be cut into pieces of size ${size}`);
  return { base: range, size };
}

function mistake(path: string, reason: string): EngineError {
  return new EngineError("failed-precondition", `${path}: ${reason}`, {
    hint: "keys are written as in docker's daemon.json",
  });
}
