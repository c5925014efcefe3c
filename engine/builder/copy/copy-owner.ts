import { readFileSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { errnoOf } from "../../host/errno.ts";
import { closeOpened, openBelow, resolve } from "../../host/file-calls.ts";
import { fileTypes, openFlags, statusOf } from "../../host/tree-calls.ts";
import { parseGroup, parsePasswd } from "../../runtime/spec/user.ts";

export type Owner = { readonly uid: number; readonly gid: number };

const largestFile = 16 * 1024 * 1024;
const largestID = 2 ** 31 - 1;

/**
 * `--chown`: a user, and a group where one is named; else the group is the user's own of /etc/passwd, or the same number. Names are those of
 * the root file system's own files. Fails with `invalid-argument`, also for a name that is in none.
 */
export function findOwner(root: number, chown: string | null): Owner | null {
  if (chown === null || chown === "") return null;
  const [user = "", group = "", ...more] = chown.split(":");
  if (more.length > 0) throw new EngineError("invalid-argument", `invalid chown string ${JSON.stringify(chown)}`);
  const { uid, gid } = findUser(root, user);
  return { uid, gid: group === "" ? gid : findGroup(root, group) };
}

function findUser(root: number, user: string): Owner {
  if (user === "") return { uid: 0, gid: 0 };
  const id = numberOf(user);
  if (id !== null) return { uid: id, gid: id };
  const account = parsePasswd(readInside(root, "etc/passwd")).find(({ name }) => name === user);
  if (account === undefined) throw unknown("user", user, "/etc/passwd");
  return account;
}

function findGroup(root: number, group: string): number {
  const id = numberOf(group) ?? parseGroup(readInside(root, "etc/group")).find(({ name }) => name === group)?.gid;
  if (id === undefined) throw unknown("group", group, "/etc/group");
  return id;
}

function numberOf(text: string): number | null {
  if (!/^\d{1,10}$/.test(text) || Number(text) > largestID) return null;
  return Number(text);
}

function unknown(kind: string, name: string, file: string): EngineError {
  return new EngineError("invalid-argument", `${kind} ${JSON.stringify(name)} is not in the image's ${file}`, {
    hint: "make it in an earlier step, or use a number",
  });
}

/** Empty where it is no file. */
function readInside(root: number, path: string): string {
  let fd: number;
  try {
    fd = openBelow(root, path, openFlags.read | openFlags.nonBlocking, resolve.inRoot | resolve.noMagicLinks);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(errnoOf(error) ?? "")) return "";
    throw error;
  }
  try {
    const { mode, size } = statusOf(fd);
    if ((mode & fileTypes.mask) !== fileTypes.file) return "";
    if (size > largestFile) throw new EngineError("invalid-argument", `the image's /${path} is too large`);
    return readFileSync(fd, "utf8");
  } finally {
    closeOpened(fd);
  }
}
