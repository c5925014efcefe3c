import type { Database } from "../database/database.ts";
import { transact } from "../database/database.ts";
import { type DiffID, type Digest, type ImageID, isDiffID, isDigest, isImageID } from "../oci/digest.ts";

/** An image as the database knows it. */
export type ImageRecord = {
  readonly id: ImageID;
  readonly manifestDigest: Digest | null;
  readonly createdAt: string;
  readonly architecture: string;
  readonly os: string;
  readonly addedAt: string;
  /** Lowest first. */
  readonly layers: readonly LayerRecord[];
  /** Normalized, sorted. */
  readonly references: readonly string[];
  /** By which digests repositories know it. */
  readonly digests: readonly RepositoryDigest[];
  /** What is said about it. Left out of what is added: what was said stays. */
  readonly attestations?: readonly StoredAttestation[];
};

/** digest: of the blob that holds the predicate. */
export type StoredAttestation = { readonly predicateType: string; readonly digest: Digest };

/** repository: normalized, `registry/repository`. digest: of a manifest, or of an index it came by. */
export type RepositoryDigest = { readonly repository: string; readonly digest: Digest };

export type LayerRecord = { readonly diffID: DiffID; readonly blobDigest: Digest | null };

/** image: null where it stays. */
export type RemovedRecords = {
  readonly references: readonly string[];
  readonly digests: readonly RepositoryDigest[];
  readonly image: ImageID | null;
};

/** A container that stands on an image. */
export type ImageUser = { readonly id: string; readonly name: string };

/** SQL on images, image_layers, image_references, image_digests and image_attestations; reads containers. Rows are written after their bytes are durable. */
export class ImageRecords {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(): ImageRecord[] {
    const layers = Map.groupBy(
      this.#rows("SELECT * FROM image_layers ORDER BY image_id, position"),
      (row) => row.image_id,
    );
    const names = Map.groupBy(this.#rows("SELECT * FROM image_references ORDER BY reference"), (row) => row.image_id);
    const digests = Map.groupBy(
      this.#rows("SELECT * FROM image_digests ORDER BY repository, digest"),
      (row) => row.image_id,
    );
    const attestations = Map.groupBy(
      this.#rows("SELECT * FROM image_attestations ORDER BY predicate_type"),
      (row) => row.image_id,
    );
    return this.#rows("SELECT * FROM images").flatMap((row) => {
      if (!isImageID(row.id)) return [];
      return {
        id: row.id,
        manifestDigest: isDigest(row.manifest_digest) ? row.manifest_digest : null,
        createdAt: String(row.created_at),
        architecture: String(row.architecture),
        os: String(row.os),
        addedAt: String(row.added_at),
        layers: (layers.get(row.id) ?? []).flatMap(layerOf),
        references: (names.get(row.id) ?? []).map((name) => String(name.reference)),
        digests: (digests.get(row.id) ?? []).flatMap(digestOf),
        attestations: (attestations.get(row.id) ?? []).flatMap(attestationOf),
      };
    });
  }

  /** Adds images, or names to images that are there, in one transaction. A name that another image bears moves. */
  add(images: readonly ImageRecord[]): void {
    transact(this.#database, () => {
      for (const image of images) this.#addOne(image);
    });
  }

  setReference(reference: string, id: ImageID): void {
    this.#run(
      "INSERT INTO image_references VALUES (?, ?) ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id",
      reference,
      id,
    );
  }

  /** Says that a repository (normalized, `registry/repository`) knows the image by this digest, since it was pulled or pushed. */
  addDigest(repository: string, digest: Digest, id: ImageID): void {
    this.#run("INSERT OR IGNORE INTO image_digests VALUES (?, ?, ?)", repository, digest, id);
  }

  /** An image got a manifest, and layers that fit it, lowest first. Nothing happens where the image is gone. */
  setManifest(id: ImageID, manifest: Digest, layers: readonly Digest[]): void {
    transact(this.#database, () => {
      this.#run("UPDATE images SET manifest_digest = ? WHERE id = ?", manifest, id);
      for (const [position, digest] of layers.entries()) {
        this.#run("UPDATE image_layers SET blob_digest = ? WHERE image_id = ? AND position = ?", digest, id, position);
      }
    });
  }

  /** No image has its manifest any more: a push makes another one. */
  forgetManifest(id: ImageID): void {
    this.#run("UPDATE images SET manifest_digest = NULL WHERE id = ?", id);
  }

  /** A blob is no layer's tar any more. */
  forgetBlob(digest: Digest): void {
    this.#run("UPDATE image_layers SET blob_digest = NULL WHERE blob_digest = ?", digest);
  }

  /** Takes names away and, with `image`, the image as well: all or nothing. */
  remove({ references, digests, image }: RemovedRecords): void {
    transact(this.#database, () => {
      for (const reference of references) this.#run("DELETE FROM image_references WHERE reference = ?", reference);
      for (const { repository, digest } of digests) {
        this.#run("DELETE FROM image_digests WHERE repository = ? AND digest = ?", repository, digest);
      }
      if (image !== null) this.#run("DELETE FROM images WHERE id = ?", image);
    });
  }

  /** Takes images and their names away: all or none. */
  removeImages(ids: readonly ImageID[]): void {
    transact(this.#database, () => {
      for (const id of ids) this.#run("DELETE FROM images WHERE id = ?", id);
    });
  }

  /** Containers by the image they were made from. */
  users(): Map<string, ImageUser[]> {
    const users = new Map<string, ImageUser[]>();
    for (const row of this.#rows("SELECT image_id, id, name FROM containers ORDER BY created_at, id")) {
      const known = users.get(String(row.image_id)) ?? [];
      users.set(String(row.image_id), [...known, { id: String(row.id), name: String(row.name) }]);
    }
    return users;
  }

  #addOne(image: ImageRecord): void {
    const { id, manifestDigest, createdAt, architecture, os, addedAt } = image;
    // The blobs of a complete image fit its manifest and replace what was known; else they only fill gaps. Without a manifest they must
    // not take the place of one that is known: its digest, and the compressed layers it names, would be lost.
    const isFitting = manifestDigest !== null || this.#manifestOf(id) === null;
    const isComplete = isFitting && image.layers.every((layer) => layer.blobDigest !== null);
    const newest = isComplete ? "excluded.manifest_digest" : "images.manifest_digest";
    this.#run(
      `INSERT INTO images (id, manifest_digest, created_at, architecture, os, added_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET manifest_digest = ${newest}`,
      ...[id, manifestDigest, createdAt, architecture, os, addedAt],
    );
    const order = isComplete
      ? "excluded.blob_digest, image_layers.blob_digest"
      : "image_layers.blob_digest, excluded.blob_digest";
    for (const [position, layer] of image.layers.entries()) {
      this.#run(
        `INSERT INTO image_layers (image_id, position, diff_id, blob_digest) VALUES (?, ?, ?, ?)
         ON CONFLICT (image_id, position) DO UPDATE SET blob_digest = coalesce(${order})`,
        ...[id, position, layer.diffID, layer.blobDigest],
      );
    }
    for (const reference of image.references) this.setReference(reference, id);
    for (const { repository, digest } of image.digests) this.addDigest(repository, digest, id);
    if (image.attestations !== undefined) this.#setAttestations(id, image.attestations);
  }

  #setAttestations(id: ImageID, attestations: readonly StoredAttestation[]): void {
    this.#run("DELETE FROM image_attestations WHERE image_id = ?", id);
    for (const { predicateType, digest } of attestations) {
      this.#run("INSERT OR REPLACE INTO image_attestations VALUES (?, ?, ?)", id, predicateType, digest);
    }
  }

  #manifestOf(id: ImageID): unknown {
    return this.#database.prepare("SELECT manifest_digest FROM images WHERE id = ?").get(id)?.manifest_digest ?? null;
  }

  #rows(sql: string): Record<string, unknown>[] {
    return this.#database.prepare(sql).all();
  }

  #run(sql: string, ...values: (string | number | null)[]): void {
    this.#database.prepare(sql).run(...values);
  }
}

function layerOf(row: Record<string, unknown>): LayerRecord[] {
  if (!isDiffID(row.diff_id)) return [];
  return [{ diffID: row.diff_id, blobDigest: isDigest(row.blob_digest) ? row.blob_digest : null }];
}

function digestOf(row: Record<string, unknown>): RepositoryDigest[] {
  return isDigest(row.digest) ? [{ repository: String(row.repository), digest: row.digest }] : [];
}

function attestationOf(row: Record<string, unknown>): StoredAttestation[] {
  return isDigest(row.digest) ? [{ predicateType: String(row.predicate_type), digest: row.digest }] : [];
}
