import { randomInt } from "node:crypto";
import { chown, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError } from "../../errors.ts";
import { GitFailure, type GitRun, runGit } from "./git-program.ts";
import type { GitReference } from "./git-reference.ts";
import { removeDirectory } from "./scratch.ts";

export type CloneOptions = {
  /** Empty, made by the caller. */
  readonly directory: string;
  readonly keepsGit: boolean;
  readonly signal: AbortSignal;
};

export type Clone = { readonly commit: string };

/**
 * Checks a repository out into a directory, with its submodules, and as little of its past as the server lets. Fails with `invalid-argument` for a
 * reference that is not there, `corrupt` where the checksum is another one, `unavailable`, `cancelled`.
 */
export async function cloneRepository(reference: GitReference, options: CloneOptions): Promise<Clone> {
  const { directory, signal } = options;
  const user = await userFor(reference, directory);
  if (user !== null) await chown(directory, user, user);
  const run: GitRun = { directory, scheme: reference.scheme, signal, user };
  try {
    await runGit(["init", "--quiet", "--template=", "."], run);
    await runGit(["remote", "add", "origin", reference.remote], run);
    const commit = await fetchCommit(reference, run);
    checkCommit(reference, commit);
    await runGit(["checkout", "--quiet", "--force", "--detach", commit], run);
    if (reference.hasSubmodules) await addSubmodules(reference, run);
    if (!options.keepsGit) await removeDirectory(join(directory, ".git"));
    // An index without inodes and times: the same commit gives the same files each time.
    else await runGit(["read-tree", "HEAD"], run);
    return { commit };
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    throw explain(reference, error);
  }
}

/** One commit where the server gives single ones, else all branches and tags. */
async function fetchCommit({ ref }: GitReference, run: GitRun): Promise<string> {
  const wanted = ref === "" ? "HEAD" : ref;
  for (const depth of [["--depth=1"], []]) {
    try {
      await runGit(["fetch", "--quiet", "--force", "--no-tags", ...depth, "origin", wanted], run);
      return await commitOf("FETCH_HEAD", run);
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      const isShallow = /shallow|--depth/.test(error.message);
      if (depth.length > 0 && isShallow) continue;
      if (!isCommit(wanted)) throw error;
      break;
    }
  }
  await runGit(["fetch", "--quiet", "--force", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"], run);
  return commitOf(wanted, run);
}

async function commitOf(name: string, run: GitRun): Promise<string> {
  return (await runGit(["rev-parse", "--verify", "--end-of-options", `${name}^{commit}`], run)).trim();
}

function isCommit(ref: string): boolean {
  return /^([0-9a-f]{7,40}|[0-9a-f]{64})$/.test(ref);
}

function checkCommit({ checksum, remote }: GitReference, commit: string): void {
  if (checksum === null || (checksum !== "" && commit.startsWith(checksum))) return;
  throw new EngineError("corrupt", `${withoutSecrets(remote)}: expected checksum to match ${checksum}, got ${commit}`);
}

/** Never from this host's own files, whatever a repository says: its directories are not the client's. */
async function addSubmodules({ scheme }: GitReference, run: GitRun): Promise<void> {
  const isLocal = scheme === "file";
  const protocols = isLocal ? [] : ["-c", "protocol.file.allow=never"];
  const update = ["submodule", "update", "--init", "--recursive", "--quiet"];
  try {
    await runGit([...protocols, ...update, "--depth=1"], run);
  } catch (error) {
    if (!(error instanceof GitFailure) || !/shallow|--depth|not our ref|unadvertised/.test(error.message)) throw error;
    await runGit([...protocols, ...update], run);
  }
}

/**
 * A number that nobody has: what a repository could make git do is then little. The engine itself for ssh, which wants an account and its keys, for
 * directories of this host, and where the directory cannot be reached by others.
 */
async function userFor({ scheme }: GitReference, directory: string): Promise<number | null> {
  if (scheme === "ssh" || scheme === "file" || process.geteuid?.() !== 0) return null;
  for (let path = dirname(directory); ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return null;
    if (path === "/") return randomInt(1_900_000_000, 2_000_000_000);
  }
}

function explain({ remote, ref }: GitReference, failure: GitFailure): EngineError {
  const said = withoutSecrets(failure.message);
  const lines = said.split("\n").filter((line) => line !== "");
  const last = lines.findLast((line) => /^(fatal|error):/.test(line)) ?? lines.at(-1) ?? "";
  const from = withoutSecrets(remote);
  if (/couldn't find remote ref|not our ref|unknown revision|Needed a single revision/i.test(said)) {
    return new EngineError("invalid-argument", `repository ${from} does not contain ref ${ref === "" ? "HEAD" : ref}`, {
      cause: failure,
    });
  }
  return new EngineError("unavailable", `fetch repository ${from}: ${last}`, { cause: failure });
}

/** Names and passwords in addresses are nobody's business. */
export function withoutSecrets(text: string): string {
  return text.replace(/([a-z]+:\/\/)[^/@\s]+@/gi, "$1");
}
