import type { Distribution, FoundPackage } from "./found-package.ts";

/** https://github.com/package-url/purl-spec, PURL-SPECIFICATION.rst and PURL-TYPES.rst. */
export function packageURLOf(found: FoundPackage, distribution: Distribution): string {
  const { type } = found;
  if (type === "npm") return `pkg:npm/${found.name.split("/").map(encode).join("/")}@${encode(found.version)}`;
  if (type === "pypi") {
    return `pkg:pypi/${encode(found.name.toLowerCase().replaceAll("_", "-"))}@${encode(found.version)}`;
  }
  const [epoch, version] = type === "rpm" ? splitEpoch(found.version) : ["", found.version];
  const namespace = distribution.id === "" ? { deb: "debian", apk: "alpine", rpm: "redhat" }[type] : distribution.id;
  const qualifiers = [
    ["arch", found.architecture],
    ["distro", distribution.id === "" ? "" : [distribution.id, distribution.version].filter(Boolean).join("-")],
    ["epoch", epoch],
    ["upstream", found.origin === found.name ? "" : found.origin],
  ].flatMap(([key, value]) => (value === "" || value === undefined ? [] : [`${key}=${encode(value)}`]));
  const query = qualifiers.length === 0 ? "" : `?${qualifiers.join("&")}`;
  return `pkg:${type}/${encode(namespace)}/${encode(found.name)}@${encode(version)}${query}`;
}

function splitEpoch(version: string): [epoch: string, version: string] {
  const match = /^(\d+):(.*)$/.exec(version);
  return match === null ? ["", version] : [match[1] ?? "", match[2] ?? ""];
}

/** A colon stays as it is. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%3A", ":");
}
