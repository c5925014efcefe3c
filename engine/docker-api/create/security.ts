import { EngineError } from "../../errors.ts";
import { hasSELinux } from "../../host/selinux.ts";
import type { CreateRequest } from "../../protocol/create-request.ts";
import { maskedPaths, readonlyPaths } from "../../runtime/spec/build-spec.ts";
import type { HostConfigBody } from "./create-body.ts";

type Security = Pick<CreateRequest, "noNewPrivileges" | "seccomp" | "apparmor" | "unmaskedPaths">;

/** SecurityOpt (a seccomp profile stands in it as JSON), MaskedPaths and ReadonlyPaths. Fails in docker's words. */
export function toSecurity(host: HostConfigBody): Security {
  const security: { -readonly [K in keyof Security]: Security[K] } = {
    noNewPrivileges: false,
    seccomp: { kind: "default" },
    apparmor: "",
    unmaskedPaths: isUnmasked(host),
  };
  for (const text of host.SecurityOpt) {
    // Old clients write a colon.
    const [, key = text, value = ""] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? [];
    if (key === "no-new-privileges") security.noNewPrivileges = parseTruth(text, value);
    else if (key === "seccomp") security.seccomp = parseSeccomp(value);
    else if (key === "apparmor" && value !== "") security.apparmor = value;
    else if (key === "systempaths" && value === "unconfined") security.unmaskedPaths = true;
    else if (key !== "label" || !isFulfilled(value)) throw unknownOption(text, key);
  }
  return security;
}

/** No confinement by SELinux is what a container has; other labels docker ignores where there is no SELinux. */
function isFulfilled(label: string): boolean {
  return label === "disable" || !hasSELinux();
}

function parseTruth(text: string, value: string): boolean {
  if (value === "" || value === "true") return true;
  if (value === "false") return false;
  throw new EngineError("invalid-argument", `invalid --security-opt 2: ${JSON.stringify(text.slice(0, 80))}`);
}

function parseSeccomp(value: string): CreateRequest["seccomp"] {
  if (value === "unconfined") return { kind: "unconfined" };
  return value === "" || value === "builtin" ? { kind: "default" } : { kind: "custom", profile: value };
}

function unknownOption(text: string, key: string): EngineError {
  if (key === "label" || key === "writable-cgroups") {
    return new EngineError("unimplemented", `security option ${JSON.stringify(text.slice(0, 80))} is not supported`);
  }
  const number = key === text ? 1 : 2;
  return new EngineError("invalid-argument", `invalid --security-opt ${number}: ${JSON.stringify(text.slice(0, 80))}`);
}

/** docker's own lists, or none: null and an empty list mean these. */
function isUnmasked({ MaskedPaths: masked, ReadonlyPaths: readOnly }: HostConfigBody): boolean {
  const isNone = [masked, readOnly].every((paths) => paths !== null && paths !== undefined && paths.length === 0);
  if (isNone) return true;
  const areOwn = isOwn(masked, maskedPaths) && isOwn(readOnly, readonlyPaths);
  if (areOwn) return false;
  throw new EngineError(
    "unimplemented",
    "lists of MaskedPaths and ReadonlyPaths are not supported: leave both out, or empty for none",
  );
}

function isOwn(paths: readonly string[] | null | undefined, own: readonly string[]): boolean {
  return paths === null || paths === undefined || paths.every((path) => own.includes(path)) === paths.length > 0;
}
