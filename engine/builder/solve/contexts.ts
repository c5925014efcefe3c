import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute, posix } from "node:path";
import { EngineError } from "../../errors.ts";
import type { ContextSource, NamedContext } from "../../protocol/builds.ts";
import type { BuildContext } from "../context/build-context.ts";
import { readIgnoreFile } from "../context/ignore-file.ts";
import type { SourceTree } from "../copy/file-copier.ts";
import type { Build } from "./build.ts";

/** Bytes of a Dockerfile, and of an ignore file. */
const dockerfileLimit = 1024 * 1024;
const ignoreLimit = 4 * 1024 * 1024;

type FilesSource = ContextSource | Exclude<NamedContext, { type: "image" | "oci-layout" }>;

export type OpenedContext = { readonly context: BuildContext; readonly tree: SourceTree };

/** The contexts of one build, each opened when it is first asked for. They go with the build. */
export class Contexts {
  readonly #build: Build;
  readonly #named = new Map<string, Promise<OpenedContext>>();
  #main: Promise<OpenedContext> | null = null;
  /** Patterns of the build's own context; null: nothing is ignored. */
  ignore: readonly string[] | null = null;

  constructor(build: Build) {
    this.#build = build;
  }

  /** Opens the context, and reads the Dockerfile and what is to be ignored. */
  async openMain(): Promise<string> {
    const { request, log } = this.#build;
    const id = log.plan({ stage: "", number: 0, total: 0, title: "load context", line: 0 });
    log.begin(id);
    try {
      const context = await this.#open(request.context, id);
      const text = await this.#readDockerfile(context);
      this.ignore = await this.#readIgnore(context);
      this.#main = Promise.resolve({ context, tree: context.tree(this.ignore) });
      log.end(id, { status: "done" });
      return text;
    } catch (error) {
      log.end(id, { status: "failed", error: EngineError.wrap("load context", error).message });
      throw error;
    }
  }

  main(): Promise<OpenedContext> {
    if (this.#main === null) throw new Error("the context is not open yet");
    return this.#main;
  }

  named(name: string, source: FilesSource): Promise<OpenedContext> {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const opened = this.#openNamed(name, source);
    this.#named.set(name, opened);
    return opened;
  }

  async #openNamed(name: string, source: FilesSource): Promise<OpenedContext> {
    const { log } = this.#build;
    const id = log.plan({ stage: "", number: 0, total: 0, title: `load context ${name}`, line: 0 });
    log.begin(id);
    try {
      const context = await this.#open(source, id);
      const ignore = await context.readFile(".dockerignore", ignoreLimit);
      log.end(id, { status: "done" });
      return { context, tree: context.tree(ignore === null ? null : linesOf(ignore)) };
    } catch (error) {
      log.end(id, { status: "failed", error: EngineError.wrap("load context", error).message });
      throw error;
    }
  }

  async #open(source: FilesSource, stepID: number): Promise<BuildContext> {
    const { parts, streams, scratch, signal, log, stack } = this.#build;
    const onProgress = (bytes: number): void => log.note(stepID, formatBytes(bytes));
    return stack.use(await parts.openContext(source, { stream: streams.context, scratch, signal, onProgress }));
  }

  async #readDockerfile(context: BuildContext): Promise<string> {
    const { dockerfile } = this.#build.request;
    if (dockerfile.type === "text") return checked(Buffer.from(dockerfile.text), "Dockerfile");
    const bytes = isAbsolute(dockerfile.path)
      ? await readHostFile(dockerfile.path)
      : await context.readFile(dockerfile.path, dockerfileLimit);
    if (bytes !== null) return checked(bytes, dockerfile.path);
    const name = posix.basename(dockerfile.path);
    throw new EngineError("not-found", `failed to read dockerfile: open ${name}: no such file or directory`, {
      hint: "name it with -f, or put a file called Dockerfile into the context",
    });
  }

  async #readIgnore(context: BuildContext): Promise<readonly string[] | null> {
    const { dockerfile } = this.#build.request;
    const path = dockerfile.type === "path" ? `${dockerfile.path}.dockerignore` : null;
    const own = path === null ? null : await this.#readBeside(context, path);
    const bytes = own ?? (await context.readFile(".dockerignore", ignoreLimit));
    return bytes === null ? null : linesOf(bytes);
  }

  #readBeside(context: BuildContext, path: string): Promise<Buffer | null> {
    return isAbsolute(path) ? readHostFile(path) : context.readFile(path, ignoreLimit);
  }
}

function linesOf(bytes: Buffer): string[] {
  return readIgnoreFile(bytes.toString("utf8"));
}

function checked(bytes: Buffer, path: string): string {
  if (bytes.length > dockerfileLimit) {
    throw new EngineError("invalid-argument", `${path} has more than ${dockerfileLimit} bytes: it is no Dockerfile`);
  }
  return bytes.toString("utf8").replace(/^\uFEFF/, "");
}

/** Null where nothing is there. What is no file, or never ends, is refused: not even opened for long. */
async function readHostFile(path: string): Promise<Buffer | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw EngineError.wrap(`failed to read dockerfile: open ${path}`, error);
  });
  if (file === null) return null;
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new EngineError("invalid-argument", `failed to read dockerfile: ${path} is not a file`);
    const buffer = Buffer.alloc(Math.min(info.size, dockerfileLimit) + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** `12.3 MB` */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`;
}
