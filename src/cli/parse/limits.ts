import type { CreateRequest, DeviceRequest, SeccompChoice } from "../../../engine/protocol/create-request.ts";
import type { RestartPolicy } from "../../../engine/protocol/resources.ts";
import { parseInteger } from "./sizes.ts";
import { UsageError } from "./usage-error.ts";

const ulimitNames = [
  ..."core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
];

/** `--ulimit name=soft[:hard]`; -1 is without limit. */
export function parseUlimit(text: string): CreateRequest["ulimits"][number] {
  const [name = "", values = "", ...more] = text.split("=");
  if (!ulimitNames.includes(name)) throw new UsageError(`invalid ulimit "${text}": unknown limit "${name}"`);
  const [soft = "", hard = soft, ...rest] = values.split(":");
  if (more.length > 0 || rest.length > 0) throw new UsageError(`invalid ulimit "${text}": want name=soft[:hard]`);
  const limit = {
    name,
    soft: parseInteger(`ulimit ${name}`, soft, { minimum: -1 }),
    hard: parseInteger(`ulimit ${name}`, hard, { minimum: -1 }),
  };
  if (limit.hard !== -1 && (limit.soft > limit.hard || limit.soft === -1)) {
    throw new UsageError(`invalid ulimit "${text}": the soft limit is above the hard limit`);
  }
  return limit;
}

/** `--device host[:container][:rwm]` */
export function parseDevice(text: string): DeviceRequest {
  const [hostPath = "", second, third, ...more] = text.split(":");
  const secondIsMode = third === undefined && second !== undefined && /^[rwm]+$/.test(second);
  const containerPath = secondIsMode ? hostPath : second || hostPath;
  const permissions = (secondIsMode ? second : third) ?? "rwm";
  if (!hostPath.startsWith("/") || !containerPath.startsWith("/") || more.length > 0 || !/^[rwm]+$/.test(permissions)) {
    throw new UsageError(`invalid device "${text}": want /dev/x[:/dev/y][:rwm]`);
  }
  return { hostPath, containerPath, permissions };
}

/** `--restart no|always|unless-stopped|on-failure[:count]` */
export function parseRestartPolicy(text: string): RestartPolicy {
  const [name = "", count, ...more] = text.split(":");
  const known = name === "no" || name === "always" || name === "unless-stopped" || name === "on-failure";
  if (!known || more.length > 0 || (count !== undefined && name !== "on-failure")) {
    throw new UsageError(`invalid restart policy "${text}": want no, always, unless-stopped or on-failure[:count]`);
  }
  return { name, maximumRetryCount: count === undefined ? 0 : parseInteger("restart count", count, { minimum: 0 }) };
}

/** `--add-host name:address`; `name=address` is good for IPv6. */
export function parseExtraHost(text: string): CreateRequest["extraHosts"][number] {
  const [, name = "", address = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (name === "" || bare === "") throw new UsageError(`invalid host "${text}": want name:address`);
  return { name, address: bare };
}

/** `--network`/`--net` */
export function parseNetwork(text: string): CreateRequest["network"] {
  if (text === "bridge" || text === "default") return "bridge";
  if (text === "none" || text === "host") return text;
  throw new UsageError(`network "${text}": own networks are not supported yet, want bridge, none or host`);
}

export type SecurityOptions = { readonly noNewPrivileges: boolean; readonly seccomp: SeccompChoice };

/** All `--security-opt` of a command; `readProfile` gives the text of a seccomp profile. */
export function parseSecurityOptions(texts: readonly string[], readProfile: (path: string) => string): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp: SeccompChoice = { kind: "default" };
  for (const text of texts) {
    const [, key = text, value = ""] = /^([^=:]+)[=:](.*)$/.exec(text) ?? [];
    if (key === "no-new-privileges") noNewPrivileges = value !== "false";
    else if (key === "seccomp") seccomp = parseSeccomp(value, readProfile);
    else if (!isWithoutEffect(key, value)) throw new UsageError(`security option "${text}" is not supported`);
  }
  return { noNewPrivileges, seccomp };
}

function parseSeccomp(value: string, readProfile: (path: string) => string): SeccompChoice {
  if (value === "unconfined") return { kind: "unconfined" };
  if (value === "builtin" || value === "default") return { kind: "default" };
  if (value === "") throw new UsageError("invalid security option seccomp: want unconfined or the path of a profile");
  return { kind: "custom", profile: readProfile(value) };
}

/** What asks for no confinement by a module that we do not use is already fulfilled. */
function isWithoutEffect(key: string, value: string): boolean {
  return (key === "apparmor" && value === "unconfined") || (key === "label" && value === "disable");
}
