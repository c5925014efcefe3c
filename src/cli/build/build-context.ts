import { readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, relative, resolve } from "node:path";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import type { ContextSource, DockerfileSource } from "../../../engine/protocol/builds.ts";
import { isArchive, readHead, readText } from "./build-input.ts";

/** What is built from what. */
export type ContextPlan = {
  readonly context: ContextSource;
  readonly dockerfile: DockerfileSource;
  /** Bytes of a `stream` context. */
  readonly stream: AsyncIterable<Uint8Array> | null;
  /** As messages name it. */
  readonly fileName: string;
  /** Of the Dockerfile, where it is at hand. */
  readonly text: string | null;
};

export type ContextWish = {
  /** PATH, URL or `-`, as written. */
  readonly where: string;
  /** Of `--file`. */
  readonly file: string | null;
  readonly directory: string;
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };
};

/** What docker's client takes for a git repository or a URL where no directory has this name. */
const remote = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|github\.com\/|git@|[\w.-]+@[\w.-]+:)/;

/** Bytes: more than this is no Dockerfile. */
const longestDockerfile = 1024 * 1024;

/** Fails in docker's words for a path or a Dockerfile that is not there. */
export async function planContext(wish: ContextWish): Promise<ContextPlan> {
  const { where } = wish;
  if (where === "-") return fromStdin(wish);
  const found = findStat(resolve(wish.directory, where));
  if (found?.isDirectory()) return fromDirectory(wish, realpathSync(resolve(wish.directory, where)));
  if (isRemote(where)) return fromRemote(wish);
  const reason = found === null ? `path ${JSON.stringify(where)} not found` : `context must be a directory: ${where}`;
  throw refused(`unable to prepare context: ${reason}`);
}

export function isRemote(text: string): boolean {
  return remote.test(text);
}

async function fromStdin({ file, stdin }: ContextWish): Promise<ContextPlan> {
  if (file === "-") throw refused("invalid argument: can't use stdin for both build context and dockerfile");
  if (stdin.isTTY) {
    throw new EngineError("invalid-argument", "no context: stdin is a terminal", {
      hint: "redirect a Dockerfile or a tar to stdin",
    });
  }
  const { head, all } = await readHead(stdin, 512);
  if (isArchive(head)) {
    const path = file ?? "Dockerfile";
    return { context: { type: "stream" }, dockerfile: { type: "path", path }, stream: all, fileName: path, text: null };
  }
  if (file !== null) throw refused("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  const text = await readText(all, longestDockerfile, "the Dockerfile on stdin");
  return { context: { type: "empty" }, dockerfile: { type: "text", text }, stream: null, fileName: "Dockerfile", text };
}

async function fromRemote(wish: ContextWish): Promise<ContextPlan> {
  const context = { type: "remote", url: wish.where } as const;
  const read = await readElsewhere(wish);
  const path = wish.file ?? "Dockerfile";
  return read === null
    ? { context, dockerfile: { type: "path", path }, stream: null, fileName: path, text: null }
    : { context, ...read, stream: null };
}

async function fromDirectory(wish: ContextWish, directory: string): Promise<ContextPlan> {
  const context = { type: "directory", path: directory } as const;
  const read = await readElsewhere(wish);
  if (read !== null) return { context, ...read, stream: null };
  const path = dockerfileOf(wish, directory);
  const text = readDockerfile(path, wish.file ?? "Dockerfile");
  // A link out of the context is the user's own: the engine follows none that the context brings.
  const isInside = isBelow(directory, path) && isBelow(directory, realpathSync(path));
  const dockerfile = { type: "path", path: isInside ? relative(directory, path) : path } as const;
  return { context, dockerfile, stream: null, fileName: wish.file ?? basename(path), text };
}

/** The Dockerfile's text where it comes from stdin or from a server. */
async function readElsewhere({ file, stdin }: ContextWish) {
  if (file !== "-" && !/^https?:\/\//.test(file ?? "")) return null;
  const text =
    file === "-"
      ? await readText(stdin, longestDockerfile, "the Dockerfile on stdin")
      : await fetchDockerfile(file ?? "");
  return { dockerfile: { type: "text", text } as const, fileName: "Dockerfile", text };
}

async function fetchDockerfile(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    if (!response.ok || response.body === null) throw new Error(`its server answers with status ${response.status}`);
    return await readText(response.body, longestDockerfile, "the Dockerfile");
  } catch (cause) {
    throw refused(`failed to fetch ${url}: ${messageOf(cause)}`);
  }
}

/** Of the flag, beside the working directory; without it in the context, where `dockerfile` does as well. */
function dockerfileOf({ file, directory: here }: ContextWish, directory: string): string {
  if (file !== null) return inContext(resolve(here, file), directory);
  const usual = resolve(directory, "Dockerfile");
  const other = resolve(directory, "dockerfile");
  return findStat(usual) === null && findStat(other) !== null ? other : usual;
}

/** The same file by way of the context's real path, where it lies in there. */
function inContext(path: string, directory: string): string {
  const parent = findRealPath(resolve(path, ".."));
  const real = parent === null ? path : resolve(parent, basename(path));
  return isBelow(directory, real) ? real : path;
}

function readDockerfile(path: string, shown: string): string {
  try {
    if (statSync(path).size > longestDockerfile) throw new Error("it is too large");
    return readFileSync(path, "utf8");
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const reason = isMissing ? `open ${shown}: no such file or directory` : messageOf(cause);
    throw refused(`failed to read dockerfile: ${reason}`);
  }
}

function isBelow(directory: string, path: string): boolean {
  return path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

function findStat(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function findRealPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

/** What is wrong is not the command, so that its help is of no use. */
function refused(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
