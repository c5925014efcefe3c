import { isIP } from "node:net";
import type { CreateRequest, DeviceRequest, SeccompChoice } from "../../../engine/protocol/create-request.ts";
import type { RestartPolicy } from "../../../engine/protocol/resources.ts";
import { parseInteger } from "./sizes.ts";
import { refused, UsageError } from "./usage-error.ts";

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
  const maximumRetryCount = count === undefined ? 0 : parseInteger("restart count", count);
  const known = name === "no" || name === "always" || name === "unless-stopped" || name === "on-failure";
  if (!known || more.length > 0 || (count !== undefined && name !== "on-failure")) {
    throw refused(`invalid restart policy "${text}": want no, always, unless-stopped or on-failure[:count]`);
  }
  if (maximumRetryCount < 0) throw refused(`invalid restart count "${count}": want a whole number of at least 0`);
  return { name, maximumRetryCount };
}

/** `--add-host name:address`; `name=address` is good for IPv6. */
export function parseExtraHost(text: string): CreateRequest["extraHosts"][number] {
  const [, name = "", address = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (name === "" || bare === "") throw new UsageError(`invalid host "${text}": want name:address`);
  if (isIP(bare) === 0 && bare !== "host-gateway") {
    throw new UsageError(`address ${JSON.stringify(bare)} of --add-host ${name} is not an IP address`);
  }
  return { name, address: bare };
}

export type SecurityOptions = Pick<CreateRequest, "noNewPrivileges" | "seccomp" | "apparmor" | "unmaskedPaths">;

/** All `--security-opt` of a command; `readProfile` gives the text of a seccomp profile. */
export function parseSecurityOptions(texts: readonly string[], readProfile: (path: string) => string): SecurityOptions {
  const options = {
    noNewPrivileges: false,
    seccomp: { kind: "default" } as SeccompChoice,
    apparmor: "",
    unmaskedPaths: false,
  };
  for (const text of texts) {
    const [, key = text, value = ""] = /^([^=:]+)[=:](.*)$/.exec(text) ?? [];
    if (key === "no-new-privileges") options.noNewPrivileges = parseTruth(text, value);
    else if (key === "seccomp") options.seccomp = parseSeccomp(value, readProfile);
    else if (key === "apparmor" && value !== "") options.apparmor = value;
    else if (key === "systempaths" && value === "unconfined") options.unmaskedPaths = true;
    // What asks for no confinement by SELinux is already fulfilled.
    else if (key !== "label" || value !== "disable") throw refused(unknownOption(text, key));
  }
  return options;
}

function parseTruth(text: string, value: string): boolean {
  if (value === "" || value === "true" || value === "false") return value !== "false";
  throw refused(`invalid security option "${text}": want true or false`);
}

function unknownOption(text: string, key: string): string {
  if (key === "label")
    return `security option "${text}" is not supported: SELinux labels are not set here, want label=disable`;
  return `security option "${text}" is not supported: want no-new-privileges, seccomp=…, apparmor=… or systempaths=unconfined`;
}

function parseSeccomp(value: string, readProfile: (path: string) => string): SeccompChoice {
  if (value === "unconfined") return { kind: "unconfined" };
  if (value === "builtin" || value === "default") return { kind: "default" };
  if (value === "") throw new UsageError("invalid security option seccomp: want unconfined or the path of a profile");
  return { kind: "custom", profile: readProfile(value) };
}
