import { EngineError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";

/**
 * A parsed name of an image, normalized as docker does (distribution/reference, grammar in its reference.go): `busybox` is
 * registry `docker.io`, repository `library/busybox`.
 */
export type Reference = {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: Digest | null;
};

const defaultRegistry = "docker.io";
const officialPrefix = "library/";
const domainPart = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const registryPattern = new RegExp(`^(?:${domainPart}(?:\\.${domainPart})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`);
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const nameLimit = 255;
const textLimit = nameLimit + 1 + 128 + 1 + 71;

/** Reads what a person or an archive wrote. A missing tag stays null. Fails with `invalid-argument`. */
export function parseReference(text: string): Reference {
  if (text.length > textLimit) throw invalid(`${text.slice(0, 40)}…`, "it is too long");
  const at = text.indexOf("@");
  const digest = at === -1 ? null : text.slice(at + 1);
  if (digest !== null && !isDigest(digest)) throw invalid(text, "its digest is not sha256 and 64 hex digits");
  const { name, tag } = splitTag(at === -1 ? text : text.slice(0, at));
  if (tag !== null && !tagPattern.test(tag)) throw invalid(text, `its tag "${tag}" is malformed`);
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(text, "64 hex digits are an image ID");
  const { registry, repository } = splitName(name);
  checkName(text, registry, repository);
  return { registry, repository, tag, digest };
}

/** The same with the tag `latest` where neither tag nor digest is given. */
export function parseTaggedReference(text: string): Reference {
  const reference = parseReference(text);
  return reference.tag === null && reference.digest === null ? { ...reference, tag: "latest" } : reference;
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Normalized text: `docker.io/library/busybox:latest`. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffixOf(reference)}`;
}

/** What people write: `busybox:latest`. Parsing it gives the same reference again. */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffixOf(reference)}`;
}

/** The same without tag and digest: `busybox`. */
export function familiarName(reference: Reference): string {
  const full = `${reference.registry}/${reference.repository}`;
  if (reference.registry !== defaultRegistry) return full;
  const short = reference.repository.startsWith(officialPrefix)
    ? reference.repository.slice(officialPrefix.length)
    : reference.repository;
  // A repository such as docker.io/foo.example/bar must not turn into one of the registry foo.example.
  const again = splitName(short);
  return again.registry === reference.registry && again.repository === reference.repository ? short : full;
}

function suffixOf(reference: Reference): string {
  const tag = reference.tag === null ? "" : `:${reference.tag}`;
  return reference.digest === null ? tag : `${tag}@${reference.digest}`;
}

function splitTag(text: string): { name: string; tag: string | null } {
  const colon = text.lastIndexOf(":");
  // A colon before the last slash belongs to the registry's port.
  if (colon === -1 || text.includes("/", colon)) return { name: text, tag: null };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  const registry = !isRegistry || first === "index.docker.io" ? defaultRegistry : first;
  const rest = isRegistry ? name.slice(slash + 1) : name;
  const repository = registry === defaultRegistry && !rest.includes("/") ? officialPrefix + rest : rest;
  return { registry, repository };
}

function checkName(text: string, registry: string, repository: string): void {
  if (repository !== repository.toLowerCase()) throw invalid(text, "a repository's name must be lowercase");
  if (!registryPattern.test(registry)) throw invalid(text, `"${registry}" is no registry's address`);
  if (registry.length + 1 + repository.length > nameLimit) throw invalid(text, "its name is too long");
  if (!repository.split("/").every((part) => componentPattern.test(part))) {
    throw invalid(text, "a name is letters and digits, with single . _ - or / between them");
  }
}

function invalid(text: string, reason: string): EngineError {
  return new EngineError("invalid-argument", `invalid reference ${JSON.stringify(text)}: ${reason}`, {
    hint: "write it as name:tag, for example web:1.0 or registry.example/team/web:1.0",
  });
}
