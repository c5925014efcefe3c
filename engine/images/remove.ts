import { EngineError } from "../errors.ts";
import type { ImageID } from "../oci/digest.ts";
import { familiarName, familiarReference, parseReference } from "../oci/reference.ts";
import { displayName, type Match, repositoryOf, shortID } from "./catalog.ts";
import type { ImageUser, RepositoryDigest } from "./image-records.ts";

/** What removing takes away: names (normalized), digests that repositories know it by, and, unless something holds it, the image. */
export type Removal = {
  readonly references: readonly string[];
  readonly digests: readonly RepositoryDigest[];
  readonly image: ImageID | null;
};

export type RemovalOptions = {
  readonly users: readonly ImageUser[];
  readonly force: boolean;
  /** Where it was named by `name@digest`: only that goes, as long as something else is left. */
  readonly digest?: RepositoryDigest | null;
};

/**
 * Docker's rules. By name: the name goes, with a repository's last name its digests, and the image with the last of all. By ID: all goes,
 * but names of several kinds need force. A container keeps its image: without force the last name stays, too; with force only names go.
 * Fails with `failed-precondition`.
 */
export function planRemoval(match: Match, options: RemovalOptions): Removal {
  const { image } = match;
  const { users, force, digest = null } = options;
  const going = namesGoing(match, options);
  const isLast = going.references.length === image.references.length && going.digests.length === image.digests.length;
  const byID = match.reference === null && digest === null;
  if (byID && !force && !isSingle(match)) {
    const names = [...image.names, ...image.repoDigests].slice(0, 5).join(", ");
    throw new EngineError("failed-precondition", `image ${shortID(image.id)} has several names: ${names}`, {
      hint: "remove it by name, or use --force to remove all names",
    });
  }
  if (users.length === 0) return { ...going, image: isLast ? image.id : null };
  const losesName = !force && (isSingle(match) || isLast);
  if (!losesName && going.references.length + going.digests.length > 0) return { ...going, image: null };
  const [user] = users;
  throw new EngineError(
    "failed-precondition",
    `image ${displayName(image)} is used by container ${user?.name} (${shortID(user?.id ?? "")})${othersOf(users)}`,
    { hint: `remove the container first: gantry rm ${user?.name}` },
  );
}

type Names = Pick<Removal, "references" | "digests">;

function namesGoing({ image, reference }: Match, { digest = null }: RemovalOptions): Names {
  if (digest !== null) return { references: [], digests: image.digests.filter((other) => isSame(other, digest)) };
  if (reference === null) return { references: image.references, digests: image.digests };
  const repository = repositoryOfName(reference);
  const hasOther = image.references.some((name) => name !== reference && repositoryOfName(name) === repository);
  return {
    references: [reference],
    digests: hasOther ? [] : image.digests.filter((own) => own.repository === repository),
  };
}

/** All of one repository, and at most one with a tag: one name, to a person. */
function isSingle({ image }: Match): boolean {
  const repositories = [
    ...image.references.map(repositoryOfName),
    ...image.digests.map(({ repository }) => repository),
  ];
  return image.references.length <= 1 && new Set(repositories).size <= 1;
}

function isSame(one: RepositoryDigest, other: RepositoryDigest): boolean {
  return one.repository === other.repository && one.digest === other.digest;
}

function repositoryOfName(reference: string): string {
  return repositoryOf(parseReference(reference));
}

/** Reads `name@digest`; null for another form. */
export function findDigestName(text: string): RepositoryDigest | null {
  if (!text.includes("@")) return null;
  const reference = parseReference(text);
  return reference.digest === null ? null : { repository: repositoryOf(reference), digest: reference.digest };
}

/** As people write them: names first, then digests. */
export function untaggedNames(removal: Removal): string[] {
  return [
    ...removal.references.map((reference) => familiarReference(parseReference(reference))),
    ...removal.digests.map(({ repository, digest }) => `${familiarName(parseReference(repository))}@${digest}`),
  ];
}

function othersOf(users: readonly ImageUser[]): string {
  return users.length > 1 ? ` and ${users.length - 1} more` : "";
}
