import { readFile, writeFile } from "node:fs/promises";
import { rewriteFile } from "../lib/rewrite-file.ts";
import {
  formatHostname,
  formatHosts,
  formatResolvConf,
  readHostResolvConf,
  replaceOwnLines,
} from "../networks/name-files.ts";
import type { Sandbox } from "../networks/network-service.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { joinedContainerOf } from "./network-mode.ts";
import type { ContainerParts } from "./parts.ts";

/** Whose files and hostname a container has: its own, or those of the one whose network it shares. */
export function namesOwnerOf(parts: Pick<ContainerParts, "table">, record: ContainerRecord): ContainerRecord {
  const joined = joinedContainerOf(record.request);
  return joined === null ? record : parts.table.get(joined);
}

/** Texts of the host's own files. */
export type HostNames = { readonly hosts: string; readonly resolvConf: string };

/** As far as a container has something of them: one on the host's network sees the host's own hosts. */
export async function readHostNames({ request }: ContainerRecord): Promise<HostNames> {
  const hosts = request.network === "host" ? readFile("/etc/hosts", "utf8").catch(() => "") : "";
  return { hosts: await hosts, resolvConf: await readHostResolvConf() };
}

/** Writes /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export async function writeNameFiles(
  parts: ContainerParts,
  record: ContainerRecord,
  {
    sandbox,
    hostNames,
    linked,
  }: { readonly sandbox: Sandbox; readonly hostNames: HostNames; readonly linked: readonly string[] },
): Promise<void> {
  const { request, resolution } = record;
  if (joinedContainerOf(request) !== null) return;
  const paths = pathsOf(parts.config, record.id);
  const lines = formatHosts({
    hostname: fullNameOf(record),
    ipAddresses: addressesOf(sandbox),
    gateway: sandbox.primary?.gateway ?? null,
    extraHosts: request.extraHosts,
  });
  const own = [lines, ...linked.map((line) => `${line}\n`)].join("");
  const hosts = request.network === "host" ? `${hostNames.hosts}\n${own}` : own;
  await Promise.all([
    writeFile(paths.hosts, hosts),
    writeFile(paths.hostname, formatHostname(resolution.hostname)),
    writeFile(paths.resolvConf, formatResolvConfFor(record, sandbox, hostNames.resolvConf)),
  ]);
}

/** After networks came or went. Written into the same files, since those are mounted; what the container changed itself stays. */
export async function adjustNameFiles(
  parts: ContainerParts,
  record: ContainerRecord,
  { before, after }: { readonly before: Sandbox; readonly after: Sandbox },
): Promise<void> {
  const paths = pathsOf(parts.config, record.id);
  const addresses = { before: addressesOf(before), after: addressesOf(after) };
  await rewriteFile(paths.hosts, (text) => replaceOwnLines(text, fullNameOf(record), addresses));
  if (before.resolver === after.resolver) return;
  const resolvConf = formatResolvConfFor(record, after, await readHostResolvConf());
  await rewriteFile(paths.resolvConf, () => resolvConf);
}

function formatResolvConfFor({ request }: ContainerRecord, { resolver }: Sandbox, host: string): string {
  return formatResolvConf(host, { ...request, sharesHostNetwork: request.network === "host", resolver });
}

function fullNameOf({ request, resolution }: ContainerRecord): string {
  return request.domainname === "" ? resolution.hostname : `${resolution.hostname}.${request.domainname}`;
}

function addressesOf(sandbox: Sandbox): string[] {
  return sandbox.endpoints.flatMap(({ ipAddress, ipv6Address }) =>
    [ipAddress, ipv6Address].filter((address) => address !== null),
  );
}
