import { EngineError } from "../errors.ts";
import type { ImageID } from "../oci/digest.ts";
import { familiarReference, parseReference } from "../oci/reference.ts";
import { displayName, type Match, shortID } from "./catalog.ts";
import type { ImageUser } from "./image-records.ts";

/** What removing takes away: names (normalized) and, unless something holds it, the image. */
export type Removal = { readonly references: readonly string[]; readonly image: ImageID | null };

/**
 * Docker's rules. By name: the name goes, and the image with its last one. By ID: all goes, but several names need force. A container
 * keeps its image: without force the last name stays, too; with force only names go. Fails with `failed-precondition`.
 */
export function planRemoval({ image, reference }: Match, users: readonly ImageUser[], force: boolean): Removal {
  const [user] = users;
  if (reference !== null && image.references.length > 1) return { references: [reference], image: null };
  if (reference === null && image.references.length > 1 && !force) {
    throw new EngineError(
      "failed-precondition",
      `image ${shortID(image.id)} has several names: ${image.names.slice(0, 5).join(", ")}`,
      { hint: "remove it by name, or use --force to remove all names" },
    );
  }
  if (user === undefined) return { references: image.references, image: image.id };
  if (force && image.references.length > 0) return { references: image.references, image: null };
  throw new EngineError(
    "failed-precondition",
    `image ${displayName(image)} is used by container ${user.name} (${shortID(user.id)})${othersOf(users)}`,
    { hint: `remove the container first: gantry rm ${user.name}` },
  );
}

export function untaggedNames(removal: Removal): string[] {
  return removal.references.map((reference) => familiarReference(parseReference(reference)));
}

function othersOf(users: readonly ImageUser[]): string {
  return users.length > 1 ? ` and ${users.length - 1} more` : "";
}
