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

/** Text of /etc/hosts, /etc/hostname and /etc/resolv.conf. A container on the host's network sees the host's own hosts. */
export async function writeNameFiles(parts: ContainerParts, record: ContainerRecord, sandbox: Sandbox): Promise<void> {
  const { request, resolution } = record;
  if (joinedContainerOf(request) !== null) return;
  const paths = pathsOf(parts.config, record.id);
  const sharesHostNetwork = request.network === "host";
  const own = formatHosts({
    hostname: fullNameOf(record),
    ipAddresses: addressesOf(sandbox),
    gateway: sandbox.primary?.gateway ?? null,
    extraHosts: request.extraHosts,
  });
  const hosts = sharesHostNetwork ? `${await readFile("/etc/hosts", "utf8").catch(() => "")}\n${own}` : own;
  const resolvConf = await resolvConfFor(record, sandbox);
  await Promise.all([
    writeFile(paths.hosts, hosts),
    writeFile(paths.hostname, formatHostname(resolution.hostname)),
    writeFile(paths.resolvConf, resolvConf),
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
  const resolvConf = await resolvConfFor(record, after);
  await rewriteFile(paths.resolvConf, () => resolvConf);
}

async function resolvConfFor({ request }: ContainerRecord, { resolver }: Sandbox): Promise<string> {
  const sharesHostNetwork = request.network === "host";
  return formatResolvConf(await readHostResolvConf(), { ...request, sharesHostNetwork, resolver });
}

function fullNameOf({ request, resolution }: ContainerRecord): string {
  return request.domainname === "" ? resolution.hostname : `${resolution.hostname}.${request.domainname}`;
}

function addressesOf(sandbox: Sandbox): string[] {
  return sandbox.endpoints.flatMap(({ ipAddress, ipv6Address }) =>
    [ipAddress, ipv6Address].filter((address) => address !== null),
  );
}
