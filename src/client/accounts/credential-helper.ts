import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import * as z from "zod/mini";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import { isRoot } from "../become-root.ts";
import { configPath, ownerOf } from "./config-file.ts";

/** What helpers keep: user name and password, or the user name `<token>` and an identity token. */
const answer = z.object({ Username: z.string(), Secret: z.string() });
export type HelperSecret = { readonly username: string; readonly secret: string };

/** Whether it may write to the terminal and ask there; `none` where a screen is drawn on it. */
export type HelperTerminal = "shared" | "none";

const outputLimit = 1024 * 1024;
/** A person may have to type a passphrase meanwhile. */
const patience = 120_000;
/** The words of docker's own helpers for an account that they do not have. */
const absentWords = "credentials not found in native keychain";

/**
 * The `docker-credential-<name>` programs (https://github.com/docker/docker-credential-helpers): the verb is the only argument, all
 * else goes through stdin and stdout. They run as the user whose accounts these are. Fail with `unavailable` or `not-found`.
 */
export class CredentialHelper {
  readonly name: string;
  readonly #terminal: HelperTerminal;

  constructor(name: string, terminal: HelperTerminal = "shared") {
    this.name = name;
    this.#terminal = terminal;
    if (/^\w[\w.+-]*$/.test(name)) return;
    throw new EngineError(
      "invalid-argument",
      `credential helper ${JSON.stringify(name)} in ${configPath()} is no name`,
    );
  }

  /** Null where it has no account for `server`. */
  async get(server: string): Promise<HelperSecret | null> {
    const { code, output } = await this.#run("get", server);
    if (code !== 0 && output.trim() === absentWords) return null;
    if (code !== 0) throw this.#failed("get", code, output);
    try {
      const { Username, Secret } = answer.parse(JSON.parse(output));
      return { username: Username, secret: Secret };
    } catch {
      throw this.#error("gave no credentials in JSON");
    }
  }

  async store(server: string, { username, secret }: HelperSecret): Promise<void> {
    const { code, output } = await this.#run(
      "store",
      JSON.stringify({ ServerURL: server, Username: username, Secret: secret }),
    );
    if (code !== 0) throw this.#failed("store", code, output);
  }

  async erase(server: string): Promise<void> {
    const { code, output } = await this.#run("erase", server);
    if (code !== 0 && output.trim() !== absentWords) throw this.#failed("erase", code, output);
  }

  async #run(verb: string, input: string): Promise<{ code: number | null; output: string }> {
    const child = spawn(this.#program, [verb], {
      ...identity(),
      stdio: ["pipe", "pipe", this.#terminal === "shared" ? "inherit" : "ignore"],
      // A session of its own has no terminal to ask for a passphrase on.
      detached: this.#terminal === "none",
      timeout: patience,
    });
    const ended = once(child, "close");
    const pieces: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size <= outputLimit) pieces.push(piece);
      else child.kill("SIGKILL");
    });
    // It may end without reading, and says by its exit code how it went.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    try {
      const [code] = await ended;
      return { code, output: Buffer.concat(pieces).toString() };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw this.#error(messageOf(error));
      throw new EngineError("not-found", `credential helper ${this.#program} is not installed`, {
        hint: `install it in a directory of PATH, or take it out of ${configPath()}`,
      });
    }
  }

  get #program(): string {
    return `docker-credential-${this.name}`;
  }

  /** What looks like an answer may hold a secret. */
  #failed(verb: string, code: number | null, output: string): EngineError {
    const [line = ""] = output.trim().split("\n");
    const words = line === "" || /[{"]/.test(line) ? "" : `: ${line.slice(0, 200)}`;
    const how = code === null ? "was ended" : `failed with exit code ${code}`;
    return this.#error(`${how} at ${verb}${words}`);
  }

  #error(words: string): EngineError {
    return new EngineError("unavailable", `credential helper ${this.#program} ${words}`);
  }
}

/** As root for somebody else, a helper needs that user's home, keys and session. */
function identity(): { uid?: number; gid?: number; env?: NodeJS.ProcessEnv } {
  const owner = ownerOf();
  if (!isRoot() || owner.uid === 0) return {};
  const user = findUser(owner.uid);
  const runtime = `/run/user/${owner.uid}`;
  const session = statSync(runtime, { throwIfNoEntry: false })?.isDirectory()
    ? { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus` }
    : {};
  return { ...owner, env: { ...process.env, ...user, ...session } };
}

/** passwd(5) */
function findUser(uid: number): { HOME?: string; USER?: string; LOGNAME?: string } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.split(":")[2] === String(uid));
  const [name, , , , , home] = line?.split(":") ?? [];
  return name === undefined || home === undefined ? {} : { HOME: home, USER: name, LOGNAME: name };
}
