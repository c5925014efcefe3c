import { posix } from "node:path";
import { EngineError } from "../../errors.ts";

/** A repository and what is wanted of it. */
export type GitReference = {
  /** What git is given. */
  readonly remote: string;
  readonly scheme: "http" | "https" | "ssh" | "git" | "file";
  /** A branch, a tag or a commit; empty: the repository's own default. */
  readonly ref: string;
  /** Relative, clean; empty: all of it. */
  readonly directory: string;
  /** What the commit begins with. */
  readonly checksum: string | null;
  /** Null: as the caller has it. */
  readonly keepsGit: boolean | null;
  readonly hasSubmodules: boolean;
};

const implicitSSH = /^[\w-]+@[\w.-]+:/;

/**
 * Reads what docker takes for a repository: `https://host/x.git#ref:directory` (with `.git` at the path's end), `git://`, `ssh://`,
 * `user@host:path`, and `github.com/…`; with `?ref= tag= branch= subdir= checksum= keep-git-dir= submodules=`. Beside these `file://`. Null for anything
 * else. Fails with `invalid-argument`.
 */
export function parseGitReference(text: string): GitReference | null {
  const address = text.startsWith("github.com/") ? `https://${text}` : text;
  const [withQuery = "", fragment = ""] = splitOnce(address, "#");
  const [remote = "", query = ""] = splitOnce(withQuery, "?");
  const scheme = schemeOf(remote);
  if (scheme === null) return null;
  const isHTTP = scheme === "http" || scheme === "https";
  if (isHTTP && !remote.endsWith(".git") && !text.startsWith("github.com/")) return null;
  const [ref = "", directory = ""] = splitOnce(fragment, ":");
  const plain = { remote, scheme, ref, directory, checksum: null, keepsGit: null, hasSubmodules: true } as const;
  const whole = [...new URLSearchParams(query)].reduce<GitReference>(addField, plain);
  if (/^-|[\s\0]/.test(whole.ref) || /^-|[\s\0]/.test(remote)) {
    throw new EngineError("invalid-argument", `${JSON.stringify(whole.ref)} is no name of a git reference`);
  }
  return { ...whole, directory: posix.join("/", whole.directory).slice(1).replace(/\/$/, "") };
}

function schemeOf(remote: string): GitReference["scheme"] | null {
  const scheme = /^([a-z0-9]+):\/\//i.exec(remote)?.[1]?.toLowerCase();
  if (scheme === undefined) return implicitSSH.test(remote) ? "ssh" : null;
  return scheme === "http" || scheme === "https" || scheme === "ssh" || scheme === "git" || scheme === "file"
    ? scheme
    : null;
}

function addField(reference: GitReference, [name, value]: [string, string]): GitReference {
  switch (name) {
    case "ref":
      return withRef(reference, value);
    case "tag":
      return withRef(reference, value.startsWith("refs/tags/") ? value : `refs/tags/${value}`);
    case "branch":
      return withRef(reference, value.startsWith("refs/heads/") ? value : `refs/heads/${value}`);
    case "subdir":
      if (reference.directory !== "" && reference.directory !== value) throw conflict("subdir", value);
      return { ...reference, directory: value };
    case "checksum":
    case "commit":
      return { ...reference, checksum: value };
    case "keep-git-dir":
      return { ...reference, keepsGit: readFlag(name, value) };
    case "submodules":
      return { ...reference, hasSubmodules: readFlag(name, value) };
    default:
      throw new EngineError("invalid-argument", `unexpected query ${JSON.stringify(name)} of a git repository`);
  }
}

function withRef(reference: GitReference, ref: string): GitReference {
  if (reference.ref !== "" && reference.ref !== ref) throw conflict("ref", ref);
  return { ...reference, ref };
}

function conflict(what: string, value: string): EngineError {
  return new EngineError("invalid-argument", `a git repository has two values for ${what}: ${JSON.stringify(value)}`);
}

/** As Go's ParseBool; nothing at all is true. */
function readFlag(name: string, value: string): boolean {
  if (["", "1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw new EngineError("invalid-argument", `invalid ${name} value: ${JSON.stringify(value)}`);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
