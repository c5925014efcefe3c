import { EngineError } from "../errors.ts";
import { rewriteFile } from "../lib/rewrite-file.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import { networkModeOf } from "./network-mode.ts";
import type { ContainerParts } from "./parts.ts";

/**
 * docker's `--link` on its default bridge, where nobody finds another by name: lines in /etc/hosts, and variables that tell of the other's
 * ports. On other networks links are names that only one container finds another by (EndpointSettings.links).
 */
type Finding = Pick<ContainerParts, "table">;
type Known = Pick<ContainerParts, "table" | "networks">;
type Link = { readonly target: string; readonly alias: string };
type Linked = { readonly alias: string; readonly target: ContainerRecord; readonly address: string };

const aliasPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/;

/**
 * The same request with ids in place of names. Links of a container that is on a network of its own go to that network. Fails with
 * `not-found`, or `invalid-argument`.
 */
export function pinLinks(parts: Finding, request: CreateRequest): CreateRequest {
  const { links: asked = [], ...rest } = request;
  if (asked.length === 0) return request;
  const links = asked.map(parseLink);
  const mode = networkModeOf(request);
  if (mode === "host") throw invalid("conflicting options: host type networking can't be used with links");
  if (mode.startsWith("container:"))
    throw invalid("conflicting options: container type network can't be used with links");
  const pinned = links.map(({ target, alias }) => ({ id: getTarget(parts, target).id, alias }));
  if (mode === "bridge") return { ...request, links: pinned.map(({ id, alias }) => `${id}:${alias}`) };
  const settings = request.endpoints[mode] ?? { aliases: [] };
  const own = {
    ...settings,
    links: [...(settings.links ?? []), ...asked.filter((link) => !settings.links?.includes(link))],
  };
  return { ...rest, endpoints: { ...request.endpoints, [mode]: own } };
}

/** Those that have to run before this one can be started. */
export function linkedContainersOf({ links = [] }: Pick<CreateRequest, "links">): string[] {
  return links.map((link) => parseLink(link).target);
}

/** docker's: `/other:/this/alias`; null where there are none. Of others that are gone nothing is told. */
export function inspectLinks(
  parts: Finding,
  { name, request }: Pick<ContainerRecord, "name" | "request">,
): string[] | null {
  const texts = (request.links ?? []).map(parseLink).flatMap(({ target, alias }) => {
    const other = parts.table.find(target);
    return other === null ? [] : [`/${other.name}:/${name}/${alias}`];
  });
  return texts.length === 0 ? null : texts;
}

/** What a start adds to a container: lines of /etc/hosts and variables. Fails with `failed-precondition` where another does not run. */
export function linkedFacts(
  parts: Known,
  record: ContainerRecord,
): { readonly hosts: string[]; readonly environment: string[] } {
  const links = (record.request.links ?? []).map(parseLink).flatMap((link) => findLinked(parts, record, link) ?? []);
  return {
    hosts: links.map(hostsLine),
    environment: links.flatMap((link) => environmentOf(record, link)),
  };
}

/** Tells those who are linked to a container that has started its address. */
export async function refreshLinks(parts: ContainerParts, started: ContainerRecord): Promise<void> {
  for (const record of parts.table.all()) {
    const link = (record.request.links ?? []).map(parseLink).find(({ target }) => target === started.id);
    if (link === undefined || !isAlive(record.state.status)) continue;
    const address = addressOf(parts, started.id);
    if (address === null) continue;
    const linked = { alias: link.alias, target: started, address };
    const names = namesOf(linked);
    const change = (text: string) => [...withoutNames(text, names).filter(Boolean), hostsLine(linked), ""].join("\n");
    await rewriteFile(pathsOf(parts.config, record.id).hosts, change).catch((error) =>
      parts.log.warning("a linked container could not be told an address", { id: record.id, error }),
    );
  }
}

/** docker's `rm --link`: the other stays, this container knows it no more. Fails with `not-found`. */
export function removeLink(parts: ContainerParts, id: string, alias: string): Promise<void> {
  return parts.queue.run(id, async () => {
    const { name, request, state } = parts.table.get(id);
    const links = (request.links ?? []).map(parseLink);
    const gone = links.find((link) => link.alias === alias);
    if (gone === undefined) throw new EngineError("not-found", `no such link: /${name}/${alias.slice(0, 300)}`);
    const kept = links.filter((link) => link !== gone).map((link) => `${link.target}:${link.alias}`);
    parts.table.updateRequest(id, { ...request, links: kept });
    const target = parts.table.find(gone.target);
    if (target === null || !isAlive(state.status)) return;
    const names = namesOf({ alias, target });
    await rewriteFile(pathsOf(parts.config, id).hosts, (text) => withoutNames(text, names).join("\n"));
  });
}

function parseLink(text: string): Link {
  const [target = "", alias = target.replace(/^\//, ""), ...rest] = text.split(":");
  if (target === "" || rest.length > 0 || !aliasPattern.test(alias)) {
    throw invalid(`bad format for links: ${JSON.stringify(text.slice(0, 300))}`);
  }
  return { target, alias };
}

function getTarget(parts: Finding, name: string): ContainerRecord {
  try {
    return parts.table.get(name.replace(/^\//, ""));
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== "not-found") throw cause;
    throw new EngineError("invalid-argument", `could not get container for ${name}`, { cause, exitCode: 125 });
  }
}

/** Null where the other was removed. */
function findLinked(parts: Known, record: ContainerRecord, { target: id, alias }: Link): Linked | null {
  const target = parts.table.find(id);
  if (target === null) return null;
  const address = isAlive(target.state.status) ? addressOf(parts, id) : null;
  if (address !== null) return { alias, target, address };
  throw new EngineError(
    "failed-precondition",
    `Cannot link to a non running container: /${target.name} AS /${record.name}/${alias}`,
    { hint: "start that one first", exitCode: 125 },
  );
}

function addressOf({ networks }: Pick<ContainerParts, "networks">, id: string): string | null {
  return networks.find(id)?.endpoints.find(({ network }) => network === "bridge")?.ipAddress ?? null;
}

function hostsLine(linked: Linked): string {
  return `${linked.address}\t${namesOf(linked)}`;
}

function namesOf({ alias, target }: Pick<Linked, "alias" | "target">): string {
  return [...new Set([alias, target.resolution.hostname, target.name])].join(" ");
}

/** Lines of /etc/hosts but those for these names. */
function withoutNames(text: string, names: string): string[] {
  return text.split("\n").filter((line) => !line.endsWith(`\t${names}`));
}

/** docker's variables of a link (libnetwork's, documented with `--link`). */
function environmentOf({ name }: ContainerRecord, { alias, target, address }: Linked): string[] {
  const prefix = alias.replaceAll("-", "_").toUpperCase();
  const ports = target.resolution.exposedPorts.map((text) => {
    const [port = "", protocol = "tcp"] = text.split("/");
    return { port, protocol, url: `${protocol}://${address}:${port}` };
  });
  const [first] = [...ports].sort((one, other) => Number(one.port) - Number(other.port));
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${first.url}`]),
    ...ports.flatMap(({ port, protocol, url }) => {
      const key = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      return [`${key}=${url}`, `${key}_ADDR=${address}`, `${key}_PORT=${port}`, `${key}_PROTO=${protocol}`];
    }),
    `${prefix}_NAME=/${name}/${alias}`,
    ...target.resolution.environment
      .filter((text) => !/^(HOME|HOSTNAME|PATH)=/.test(text) && text.includes("="))
      .map((text) => `${prefix}_ENV_${text}`),
  ];
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
