import { EngineError } from "../../errors.ts";
import type { CreateRequest, EndpointSettings } from "../../protocol/create-request.ts";
import { type EndpointConfig, toEndpointSettings } from "../endpoint-config.ts";
import type { CreateBody } from "./create-body.ts";

type Place = { readonly network: string; readonly settings: EndpointSettings; readonly priority: number };

/**
 * NetworkMode with the places of NetworkingConfig. A container is on the networks that stand there; one that stands in NetworkMode
 * only is taken where there are none. The default route goes through the one of the highest priority, then through NetworkMode.
 */
export function toNetworks(body: CreateBody): Pick<CreateRequest, "network" | "endpoints" | "links" | "macAddress"> {
  const { Links: links } = body.HostConfig;
  const { MacAddress: macAddress } = body;
  return {
    ...toPlaces(body),
    ...(links.length === 0 ? {} : { links: [...links] }),
    ...(macAddress === "" ? {} : { macAddress }),
  };
}

function toPlaces(body: CreateBody): Pick<CreateRequest, "network" | "endpoints"> {
  const mode = toMode(body);
  const configs = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  if (!isNetwork(mode)) return { network: mode, endpoints: checkNone(mode, configs) };
  const places = configs.map(([name, config]) => toPlace(name, config));
  const main = mainOf(mode, places);
  const own = ownSettings(body, places.find(({ network }) => network === main)?.settings ?? { aliases: [] });
  const others = places.filter(({ network }) => network !== main);
  if (others.length === 0 && isPlain(own)) return { network: main, endpoints: {} };
  return {
    network: main,
    endpoints: Object.fromEntries([[main, own], ...others.map(({ network, settings }) => [network, settings])]),
  };
}

function toMode({ HostConfig: host, NetworkDisabled: isDisabled }: CreateBody): string {
  if (isDisabled) return "none";
  return toName(host.NetworkMode);
}

/** `default` is the bridge. */
function toName(name: string): string {
  return name === "" || name === "default" ? "bridge" : name;
}

function isNetwork(mode: string): boolean {
  return mode !== "none" && mode !== "host" && !mode.startsWith("container:");
}

function toPlace(name: string, config: EndpointConfig | null): Place {
  if (config === null) return { network: toName(name), settings: { aliases: [] }, priority: 0 };
  const { GwPriority: priority, ...rest } = config;
  return { network: toName(name), settings: toEndpointSettings(rest), priority: priority ?? 0 };
}

function mainOf(mode: string, places: readonly Place[]): string {
  const [first] = places;
  if (first === undefined) return mode;
  const best = places.reduce((one, other) => (other.priority > one.priority ? other : one));
  if (best.priority > first.priority || best.priority > 0) return best.network;
  return places.some(({ network }) => network === mode) ? mode : first.network;
}

/** A wish of old clients that stands elsewhere: the only network's MAC address. */
function ownSettings({ MacAddress: mac }: CreateBody, settings: EndpointSettings): EndpointSettings {
  return {
    ...settings,
    ...(mac !== "" && settings.macAddress === undefined ? { macAddress: mac } : {}),
  };
}

function isPlain({ aliases, ...others }: EndpointSettings): boolean {
  return aliases.length === 0 && Object.keys(others).length === 0;
}

/** The command line names the mode itself, with nothing in it. */
function checkNone(mode: string, configs: readonly [string, EndpointConfig | null][]): Record<string, never> {
  const other = configs.find(([name, config]) => name !== mode || !isPlain(toPlace(name, config).settings));
  if (other === undefined) return {};
  throw new EngineError(
    "invalid-argument",
    other[0] === mode
      ? `conflicting options: network ${mode} has no addresses and no aliases of its own`
      : `conflicting options: network ${mode} and network ${other[0]}`,
  );
}
