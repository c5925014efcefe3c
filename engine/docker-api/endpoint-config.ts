import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import type { EndpointSettings } from "../protocol/create-request.ts";
import { text, textMap, texts } from "./go-json.ts";

/** moby's EndpointSettings, as far as a client asks for something by it; the rest tells of what is. */
export const endpointConfig = z.object({
  IPAMConfig: z.nullish(z.object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts })),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
  DriverOpts: textMap,
  GwPriority: z.nullish(z.number()),
});
export type EndpointConfig = z.output<typeof endpointConfig>;

/** Fails with `unimplemented` for wishes that would silently not come true. */
export function toEndpointSettings(config: EndpointConfig | null): EndpointSettings {
  if (config === null) return { aliases: [] };
  const { IPAMConfig: ipam, Links: links, Aliases: aliases, MacAddress: macAddress } = config;
  refuse(config);
  return {
    aliases: [...aliases],
    ...(links.length === 0 ? {} : { links: [...links] }),
    ...(ipam?.IPv4Address ? { ipv4Address: ipam.IPv4Address } : {}),
    ...(ipam?.IPv6Address ? { ipv6Address: ipam.IPv6Address } : {}),
    ...(macAddress === "" ? {} : { macAddress }),
    ...(ipam?.LinkLocalIPs.length ? { linkLocalIPs: [...ipam.LinkLocalIPs] } : {}),
  };
}

function refuse({ DriverOpts: options, GwPriority: priority }: EndpointConfig): void {
  const [option] = Object.keys(options);
  const refused = [
    [(priority ?? 0) !== 0, "a priority of a network as gateway is"],
    [option !== undefined, `driver option ${JSON.stringify(option)} of an endpoint is`],
  ].find(([isAsked]) => isAsked);
  if (refused !== undefined) throw new EngineError("unimplemented", `${refused[1]} not supported`);
}
