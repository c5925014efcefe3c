import { randomUUID } from "node:crypto";
import { chownSync, constants, lstatSync, mkdirSync, readlinkSync, renameSync, type Stats, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import * as z from "zod/mini";
import { EngineError, messageOf } from "../../../engine/errors.ts";
import { isRoot } from "../become-root.ts";
import { dockerConfigDirectory } from "../paths.ts";

const text = z.optional(z.nullable(z.string()));

/** What `auths` keeps of one registry. `auth`: base64 of `name:password`. */
const entrySchema = z.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
export type ConfigEntry = z.infer<typeof entrySchema>;

/** The parts of docker's `config.json` that are about accounts; all else is kept as it stands. */
const configSchema = z.looseObject({
  auths: z.optional(z.nullable(z.record(z.string(), entrySchema))),
  credsStore: text,
  credHelpers: z.optional(z.nullable(z.record(z.string(), z.string()))),
});
export type DockerConfig = z.infer<typeof configSchema>;

const sizeLimit = 8 * 1024 * 1024;
const linkHops = 16;
/** Others may write the file between our look at it and our rename. */
const writeAttempts = 5;

export function configPath(): string {
  return join(dockerConfigDirectory(), "config.json");
}

/** Empty where there is no file. Fails with `invalid-argument` for one that cannot be read; its text is never told. */
export async function readConfig(path = configPath()): Promise<DockerConfig> {
  return (await readWithIdentity(path)).config;
}

/**
 * Changes the file as docker does: written beside and renamed, 0600, in the place that a symbolic link leads to, with all keys that
 * we know nothing of. A change by somebody else meanwhile is read again, not written over.
 */
export async function changeConfig(change: (config: DockerConfig) => void, path = configPath()): Promise<void> {
  const target = followLinks(path);
  const owner = ownerOf(target);
  makeDirectory(dirname(target), owner);
  for (let attempt = 1; ; attempt++) {
    const { config, identity } = await readWithIdentity(target);
    change(config);
    const isStillThere = () => attempt === writeAttempts || isSame(identity, findIdentity(target));
    if (await replace({ target, owner, isStillThere }, config)) return;
  }
}

export type Owner = { readonly uid: number; readonly gid: number };

/** Whose the accounts are: the owner of the file, or of the directory where it is or will be. */
export function ownerOf(path = configPath()): Owner {
  for (let place = path; ; place = dirname(place)) {
    const stat = statSync(place, { throwIfNoEntry: false });
    if (stat !== undefined || place === dirname(place)) return { uid: stat?.uid ?? 0, gid: stat?.gid ?? 0 };
  }
}

type Identity = { readonly inode: number; readonly changedAt: number } | null;

async function readWithIdentity(path: string): Promise<{ config: DockerConfig; identity: Identity }> {
  try {
    await using file = await open(path, "r");
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > sizeLimit) throw unreadable(path, "it is no small file");
    return { config: parseConfig(path, await file.readFile("utf8")), identity: identityOf(stat) };
  } catch (error) {
    if (error instanceof EngineError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { config: {}, identity: null };
    throw unreadable(path, messageOf(error));
  }
}

/** JSON's and zod's own messages would show what stands in the file. */
function parseConfig(path: string, content: string): DockerConfig {
  let document: unknown;
  try {
    document = content.trim() === "" ? {} : JSON.parse(content);
  } catch {
    throw unreadable(path, "it is no JSON");
  }
  const parsed = configSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [field = ""] = parsed.error.issues[0]?.path ?? [];
  throw unreadable(path, field === "" ? "it is no JSON object" : `its "${String(field)}" is malformed`);
}

function unreadable(path: string, reason: string): EngineError {
  return new EngineError("invalid-argument", `read ${path}: ${reason}`, {
    hint: "mend the file, or move it away and log in again",
  });
}

type Replacement = { readonly target: string; readonly owner: Owner; readonly isStillThere: () => boolean };

/** False: the file is not the one that was read any more. */
async function replace({ target, owner, isStillThere }: Replacement, config: DockerConfig): Promise<boolean> {
  const beside = join(dirname(target), `.config.json.${randomUUID()}`);
  try {
    await using file = await open(beside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    await file.writeFile(JSON.stringify(config, null, "\t"));
    // As root for somebody else: the file stays his.
    if (isRoot()) await file.chown(owner.uid, owner.gid);
    await file.sync();
    // Nothing of ours comes between the look and the rename.
    if (!isStillThere()) return false;
    renameSync(beside, target);
    return true;
  } catch (cause) {
    throw new EngineError("failed-precondition", `write ${target}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(beside, { force: true });
  }
}

function makeDirectory(directory: string, owner: Owner): void {
  const topmost = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (topmost === undefined || !isRoot()) return;
  for (let made = directory; made.length >= topmost.length; made = dirname(made)) chownSync(made, owner.uid, owner.gid);
}

function findIdentity(path: string): Identity {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : identityOf(stat);
}

function identityOf(stat: Stats): NonNullable<Identity> {
  return { inode: stat.ino, changedAt: stat.ctimeMs };
}

function isSame(one: Identity, other: Identity): boolean {
  return one?.inode === other?.inode && one?.changedAt === other?.changedAt;
}

/** Where the file really lies, also when that is not there yet. */
function followLinks(path: string): string {
  let at = path;
  for (let hop = 0; hop < linkHops; hop++) {
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw unreadable(path, "it is a loop of links");
}
