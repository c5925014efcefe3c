import { randomUUID } from "node:crypto";
import type { BlobStore } from "../content/blob-store.ts";
import { type Database, transact } from "../database/database.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { decodeJson } from "../lib/json.ts";
import { type DiffID, type Digest, isDiffID, isDigest } from "../oci/digest.ts";

/** Milliseconds for which an interrupted work keeps what it has got. */
const patience = 24 * 60 * 60 * 1000;

export type Leased = {
  /** Of blobs, finished or not. */
  readonly blobs?: readonly Digest[];
  /** A whole stack of layers, lowest first. */
  readonly chain?: readonly DiffID[];
};

/** Keeps bytes that no record names yet from sweeps. Disposing ends it: then records name what is to stay. */
export interface Lease extends Disposable {
  /** To be awaited before a look whether these are there, and before they are made. */
  hold(leased: Leased): Promise<void>;
}

/** A lease that outlives the engine. */
export interface LastingLease extends Lease {
  /** Its work failed: what is held stays for a day, for the next try. Disposing does nothing any more. */
  interrupt(): void;
}

type Stores = { readonly database: Database; readonly blobs: BlobStore; readonly layers: LayerStore };
type Interrupted = { readonly title: string; readonly holds: DisposableStack; readonly timer: NodeJS.Timeout };

/** All leases. Those that last are in the tables leases, lease_blobs and lease_layers. */
export class Leases {
  readonly #stores: Stores;
  readonly #onExpire: () => void;
  /** Ids of those that last and whose work runs. */
  readonly #running = new Set<string>();
  /** Leases whose work does not run, by id. */
  readonly #interrupted = new Map<string, Interrupted>();

  /** onExpire: bytes that nobody else holds may go now. */
  constructor(stores: Stores, onExpire: () => void) {
    this.#stores = stores;
    this.#onExpire = onExpire;
  }

  /** Takes up the leases of an engine before this one. To be called before the first sweep. */
  async open(): Promise<void> {
    const { database } = this.#stores;
    const now = Date.now();
    database.prepare("UPDATE leases SET expires_at = ? WHERE expires_at IS NULL").run(timeAfter(now, patience));
    database.prepare("DELETE FROM leases WHERE expires_at <= ?").run(timeAfter(now, 0));
    for (const row of database.prepare("SELECT id, title, expires_at FROM leases").all()) {
      const id = String(row.id);
      const holds = new DisposableStack();
      for (const leased of this.#read(id)) await this.#hold(holds, leased);
      this.#keep(id, { title: String(row.title), holds, left: Date.parse(String(row.expires_at)) - now });
    }
  }

  /** For work of which nothing is to stay when it fails or the engine ends. */
  begin(): Lease {
    const holds = new DisposableStack();
    return {
      hold: (leased) => this.#hold(holds, leased),
      [Symbol.dispose]: () => holds.dispose(),
    };
  }

  /** title: what the work is about. Takes over what an interrupted work of the same title holds. */
  beginLasting(kind: string, title: string): LastingLease {
    const { database } = this.#stores;
    const holds = new DisposableStack();
    const id = randomUUID();
    database.prepare("INSERT INTO leases VALUES (?, ?, ?, ?, NULL)").run(id, kind, title, new Date().toISOString());
    for (const [old, lease] of this.#interrupted) if (lease.title === title) this.#takeOver(old, id, holds);
    this.#running.add(id);
    let isOver = false;
    return {
      hold: async (leased) => {
        this.#write(id, leased);
        await this.#hold(holds, leased);
      },
      interrupt: () => {
        if (isOver) return;
        isOver = true;
        this.#running.delete(id);
        database.prepare("UPDATE leases SET expires_at = ? WHERE id = ?").run(timeAfter(Date.now(), patience), id);
        this.#keep(id, { title, holds, left: patience });
      },
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#running.delete(id);
        holds.dispose();
        this.#delete(id);
      },
    };
  }

  /** What works that do not run hold. */
  interrupted(): Leased[] {
    return [...this.#interrupted.keys()].flatMap((id) => this.#read(id));
  }

  /** Rows of leases that nobody knows of. */
  strays(): { readonly id: string; readonly title: string }[] {
    const rows = this.#stores.database.prepare("SELECT id, title FROM leases").all();
    const known = (id: string): boolean => this.#running.has(id) || this.#interrupted.has(id);
    return rows.map(({ id, title }) => ({ id: String(id), title: String(title) })).filter(({ id }) => !known(id));
  }

  drop(id: string): void {
    this.#delete(id);
  }

  /** Ends the leases of works that do not run. */
  endInterrupted(): void {
    for (const [id, { holds, timer }] of this.#interrupted) {
      clearTimeout(timer);
      this.#interrupted.delete(id);
      holds.dispose();
      this.#delete(id);
    }
  }

  async #hold(holds: DisposableStack, { blobs = [], chain = [] }: Leased): Promise<void> {
    const [ofBlobs, ofLayers] = await Promise.all([this.#stores.blobs.hold(blobs), this.#stores.layers.hold(chain)]);
    holds.use(ofBlobs);
    holds.use(ofLayers);
  }

  #keep(id: string, { title, holds, left }: { title: string; holds: DisposableStack; left: number }): void {
    const expire = (): void => {
      this.#interrupted.delete(id);
      holds.dispose();
      this.#delete(id);
      this.#onExpire();
    };
    this.#interrupted.set(id, { title, holds, timer: setTimeout(expire, left).unref() });
  }

  #takeOver(old: string, id: string, holds: DisposableStack): void {
    const lease = this.#interrupted.get(old);
    if (lease === undefined) return;
    clearTimeout(lease.timer);
    this.#interrupted.delete(old);
    holds.use(lease.holds);
    const { database } = this.#stores;
    transact(database, () => {
      for (const table of ["lease_blobs", "lease_layers"]) {
        database.prepare(`UPDATE OR IGNORE ${table} SET lease_id = ? WHERE lease_id = ?`).run(id, old);
      }
      database.prepare("DELETE FROM leases WHERE id = ?").run(old);
    });
  }

  #write(id: string, { blobs = [], chain = [] }: Leased): void {
    const { database } = this.#stores;
    transact(database, () => {
      const addBlob = database.prepare("INSERT OR IGNORE INTO lease_blobs VALUES (?, ?)");
      for (const digest of blobs) addBlob.run(id, digest);
      const addLayers = database.prepare("INSERT OR IGNORE INTO lease_layers VALUES (?, ?)");
      if (chain.length > 0) addLayers.run(id, JSON.stringify(chain));
    });
  }

  #read(id: string): Leased[] {
    const { database } = this.#stores;
    const blobs = database.prepare("SELECT digest FROM lease_blobs WHERE lease_id = ?").all(id);
    const chains = database.prepare("SELECT chain FROM lease_layers WHERE lease_id = ?").all(id);
    return [
      { blobs: blobs.map(({ digest }) => digest).filter(isDigest) },
      ...chains.map(({ chain }) => ({ chain: parseChain(String(chain)) })),
    ];
  }

  #delete(id: string): void {
    this.#stores.database.prepare("DELETE FROM leases WHERE id = ?").run(id);
  }
}

function parseChain(text: string): DiffID[] {
  const chain = decodeJson(Buffer.from(text), "a lease's layers");
  return Array.isArray(chain) ? chain.filter(isDiffID) : [];
}

/** RFC 3339; of equal length each, so that texts compare as times do. */
function timeAfter(now: number, milliseconds: number): string {
  return new Date(now + milliseconds).toISOString();
}
