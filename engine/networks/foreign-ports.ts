import * as z from "zod/mini";
import type { EngineConfig } from "../config.ts";
import { tryCommand } from "../host/commands.ts";
import type { ForeignPort } from "./port-plan.ts";
import { anyAddress, anyAddress6 } from "./sandbox-table.ts";

const listing = z.object({
  nftables: z.array(
    z.object({ map: z.optional(z.object({ name: z.string(), elem: z.optional(z.array(z.unknown())) })) }),
  ),
});
const element = z.tuple([z.object({ concat: z.array(z.union([z.string(), z.number()])) }), z.unknown()]);

/** Tables of other engines of our kind on this host, of `nft list tables`. */
export function otherEngineTables(config: EngineConfig, tables: readonly string[]): string[] {
  return tables
    .map((table) => /^inet (gantry(?:_[0-9a-f]{8})?)$/.exec(table)?.[1])
    .filter((table) => table !== undefined)
    .filter((table) => table !== config.names.table);
}

/** Ports these tables publish: no socket tells of them. A table that is gone meanwhile counts as empty. */
export async function readForeignPorts(tables: readonly string[]): Promise<ForeignPort[]> {
  const lists = tables.map(async (table) => {
    const result = await tryCommand("nft", ["-j", "list", "table", "inet", table]);
    return result.exitCode === 0 ? parseForeignPorts(table, result.stdout) : [];
  });
  return (await Promise.all(lists)).flat();
}

/** Elements of the maps of ruleset.ts: protocol and port, with an address between them where it is bound to one. */
export function parseForeignPorts(table: string, json: string): ForeignPort[] {
  const parsed = z.safeParse(listing, JSON.parse(json));
  if (!parsed.success) return [];
  return parsed.data.nftables.flatMap(({ map }) =>
    (map?.elem ?? []).flatMap((item) => readElement(table, map?.name ?? "", item)),
  );
}

function readElement(table: string, map: string, item: unknown): ForeignPort[] {
  const known = z.safeParse(element, item);
  if (!known.success) return [];
  const key = known.data[0].concat;
  const [protocol, port] = [String(key[0]), Number(key.at(-1))];
  const any = map.endsWith("6") ? anyAddress6 : anyAddress;
  return [{ protocol, address: key.length === 3 ? String(key[1]) : any, port, table }];
}
