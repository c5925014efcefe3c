import type { IDRange } from "../host/id-ranges.ts";

type Owner = { readonly uid: number; readonly gid: number };
const nobody = 65_534;

/** Whose a file is in a container's own words. Ids that are not of its range stay: what it sees of others is nobody's there. */
export function ownerInside<T extends Owner>(owner: T, ids: IDRange | null | undefined): T {
  if (ids == null) return owner;
  const inside = (id: number) => (id >= ids.start && id < ids.start + ids.size ? id - ids.start : id);
  return { ...owner, uid: inside(owner.uid), gid: inside(owner.gid) };
}

/** The reverse; what has no place in the range goes to the container's nobody. */
export function ownerOnHost({ uid, gid }: Owner, ids: IDRange | null | undefined): Owner {
  if (ids == null) return { uid, gid };
  const outside = (id: number) => ids.start + (id < ids.size ? id : Math.min(nobody, ids.size - 1));
  return { uid: outside(uid), gid: outside(gid) };
}
