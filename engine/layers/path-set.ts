import type { BytePath } from "../lib/byte-path.ts";

const firstSize = 4096;

/**
 * Remembers which of very many paths were there, 16 bytes each: a hash of 53 bits takes the place of the path. For honest mistakes, not
 * for enemies who look for collisions.
 */
export class PathSet {
  #slots = new Float64Array(firstSize);
  #count = 0;

  add(path: BytePath): void {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    this.#put(hashOf(path));
  }

  has(path: BytePath): boolean {
    const hash = hashOf(path);
    for (let at = this.#placeOf(hash); ; at = (at + 1) % this.#slots.length) {
      if (this.#slots[at] === hash) return true;
      if (this.#slots[at] === 0) return false;
    }
  }

  #put(hash: number): void {
    let at = this.#placeOf(hash);
    while (this.#slots[at] !== 0 && this.#slots[at] !== hash) at = (at + 1) % this.#slots.length;
    if (this.#slots[at] === 0) this.#count++;
    this.#slots[at] = hash;
  }

  #placeOf(hash: number): number {
    return hash % this.#slots.length;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2);
    this.#count = 0;
    for (const hash of old) if (hash !== 0) this.#put(hash);
  }
}

/** Two multiplicative hashes put together; never 0, which means an empty slot. */
function hashOf(path: BytePath): number {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    one = Math.imul(one ^ code, 2654435761);
    other = Math.imul(other ^ code, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909);
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return 4294967296 * (2097151 & other) + (one >>> 0) + 1;
}
