import { EngineError } from "../../errors.ts";
import { readTextInRoot } from "./open-in-root.ts";
import type { ResolvedUser } from "./types.ts";

type Account = { readonly name: string; readonly uid: number; readonly gid: number };
type Group = { readonly name: string; readonly gid: number; readonly members: readonly string[] };

const largestID = 2 ** 31 - 1;

/**
 * Finds who `user` is in the container's own /etc/passwd and /etc/group under `root`: empty (root), `name`, `uid`, `name:group`,
 * `uid:gid`. A number is never taken for a name (CVE-2022-36109 and after), but the account of that uid gives the groups.
 * Fails with `invalid-argument` for a name that is not there.
 */
export async function resolveUser(root: string, user: string, groupAdd: readonly string[]): Promise<ResolvedUser> {
  const accounts = parsePasswd((await readTextInRoot(root, "/etc/passwd")) ?? "");
  const groups = parseGroup((await readTextInRoot(root, "/etc/group")) ?? "");
  return matchUser(accounts, groups, { user, groupAdd });
}

export function matchUser(
  accounts: readonly Account[],
  groups: readonly Group[],
  wish: { readonly user: string; readonly groupAdd: readonly string[] },
): ResolvedUser {
  const separator = wish.user.indexOf(":");
  const userPart = separator === -1 ? wish.user : wish.user.slice(0, separator);
  const groupPart = separator === -1 ? "" : wish.user.slice(separator + 1);
  const account = findAccount(accounts, userPart);
  const uid = account?.uid ?? numberOf(userPart) ?? 0;
  const gid = groupPart === "" ? (account?.gid ?? 0) : gidOf(groups, groupPart);
  const own =
    account === null || groupPart !== ""
      ? []
      : groups.filter((group) => group.members.includes(account.name)).map((group) => group.gid);
  const added = wish.groupAdd.map((group) => gidOf(groups, group));
  const additionalGids = [...new Set([gid, ...own, ...added])];
  refuseMisleading(groups, additionalGids);
  return { uid, gid, additionalGids };
}

/** runc looks for the numbers it is given among the names of the container's /etc/group as well (CVE-2026-46680). */
function refuseMisleading(groups: readonly Group[], gids: readonly number[]): void {
  const misleading = groups.find(({ name, gid }) => gids.some((wanted) => name === String(wanted) && gid !== wanted));
  if (misleading === undefined) return;
  const { name, gid } = misleading;
  throw new EngineError(
    "invalid-argument",
    `the container's /etc/group has a group called ${name} that is group ${gid}`,
    {
      hint: "do not run images that you do not trust",
      exitCode: 125,
    },
  );
}

export function parsePasswd(text: string): Account[] {
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.trim().split(":");
    const numbers = [numberOf(uid ?? ""), numberOf(gid ?? "")];
    if (!name || name.startsWith("#") || numbers[0] == null || numbers[1] == null) return [];
    return [{ name, uid: numbers[0], gid: numbers[1] }];
  });
}

export function parseGroup(text: string): Group[] {
  return text.split("\n").flatMap((line) => {
    const [name, , gid, members] = line.trim().split(":");
    const number = numberOf(gid ?? "");
    if (!name || name.startsWith("#") || number === null) return [];
    return [{ name, gid: number, members: (members ?? "").split(",").filter((member) => member !== "") }];
  });
}

function findAccount(accounts: readonly Account[], text: string): Account | null {
  const uid = text === "" ? 0 : numberOf(text);
  const found = accounts.find((account) => (uid === null ? account.name === text : account.uid === uid)) ?? null;
  if (found !== null || uid !== null) return found;
  throw notFound("user", text, "/etc/passwd");
}

function gidOf(groups: readonly Group[], text: string): number {
  const gid = numberOf(text) ?? groups.find((group) => group.name === text)?.gid;
  if (gid !== undefined) return gid;
  throw notFound("group", text, "/etc/group");
}

/** Null for anything but a number that Linux takes as an id. */
function numberOf(text: string): number | null {
  if (!/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value <= largestID ? value : null;
}

function notFound(kind: string, name: string, file: string): EngineError {
  return new EngineError("invalid-argument", `${kind} ${JSON.stringify(name)} is not in the container's ${file}`, {
    hint: `use a name that is in it, or a number`,
    exitCode: 125,
  });
}
