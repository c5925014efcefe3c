import { parseAddress } from "../../lib/ip-range.ts";
import { type Answer, addressOfPointer, encodeName, type Question, recordTypes } from "./dns-message.ts";
import type { ResolverEndpoint } from "./resolver-protocol.ts";

type Entry = { readonly container: string; readonly a: Buffer | null; readonly aaaa: Buffer | null };

/** Where the one who asks is. */
type Place = Pick<ResolverEndpoint, "networkID" | "links">;

/** Names and addresses of containers by network. */
export class NameIndex {
  readonly #names = new Map<string, Map<string, Entry[]>>();
  readonly #pointers = new Map<string, Map<string, string>>();
  readonly #networkNames = new Map<string, string>();

  add(container: string, endpoint: ResolverEndpoint): void {
    const entry = { container, a: bytesOf(endpoint.ipv4), aaaa: bytesOf(endpoint.ipv6) };
    const names = getOrMake(this.#names, endpoint.networkID);
    const pointers = getOrMake(this.#pointers, endpoint.networkID);
    this.#networkNames.set(endpoint.networkID, endpoint.network);
    for (const name of endpoint.names) {
      const key = name.toLowerCase();
      names.set(key, [...(names.get(key) ?? []), entry]);
    }
    const [main] = endpoint.names;
    for (const bytes of [entry.a, entry.aaaa]) {
      if (bytes !== null && main !== undefined) pointers.set(bytes.toString("hex"), `${main}.${endpoint.network}`);
    }
  }

  remove(container: string, endpoint: ResolverEndpoint): void {
    const names = this.#names.get(endpoint.networkID);
    for (const name of endpoint.names) {
      const key = name.toLowerCase();
      const left = names?.get(key)?.filter((entry) => entry.container !== container) ?? [];
      if (left.length > 0) names?.set(key, left);
      else names?.delete(key);
    }
    const pointers = this.#pointers.get(endpoint.networkID);
    for (const address of [endpoint.ipv4, endpoint.ipv6]) pointers?.delete(bytesOf(address)?.toString("hex") ?? "");
    if (names?.size === 0) {
      for (const map of [this.#names, this.#pointers, this.#networkNames]) map.delete(endpoint.networkID);
    }
  }

  /** What someone on these networks is told, in turns where several bear the name; null: the name is none of a container's. */
  answer(places: readonly Place[], question: Question): Answer[] | null {
    const networkIDs = places.map(({ networkID }) => networkID);
    if (question.type === recordTypes.ptr) return this.#answerPointer(networkIDs, question.name);
    const entries = this.#findLinked(places, question.name) ?? this.#find(networkIDs, question.name);
    if (entries === null) return null;
    return shuffle(entries).flatMap((entry) => addressesOf(entry, question.type));
  }

  /** By a link of the one that asks. */
  #findLinked(places: readonly Place[], name: string): readonly Entry[] | null {
    for (const { networkID, links = {} } of places) {
      const target = Object.hasOwn(links, name) ? links[name] : undefined;
      const found = target === undefined ? undefined : this.#names.get(networkID)?.get(target.toLowerCase());
      if (found !== undefined) return found;
    }
    return null;
  }

  #find(networkIDs: readonly string[], name: string): readonly Entry[] | null {
    for (const networkID of networkIDs) {
      const found = this.#names.get(networkID)?.get(name);
      if (found !== undefined) return found;
    }
    // `web.mynet`, which tells a name apart that two networks have.
    const dot = name.lastIndexOf(".");
    if (dot < 1) return null;
    const [head, network] = [name.slice(0, dot), name.slice(dot + 1)];
    const networkID = networkIDs.find((id) => this.#networkNames.get(id)?.toLowerCase() === network);
    return networkID === undefined ? null : (this.#names.get(networkID)?.get(head) ?? null);
  }

  #answerPointer(networkIDs: readonly string[], name: string): Answer[] | null {
    const address = addressOfPointer(name);
    for (const networkID of address === null ? [] : networkIDs) {
      const target = this.#pointers.get(networkID)?.get(address ?? "");
      if (target !== undefined) return [{ type: recordTypes.ptr, data: encodeName(target) }];
    }
    return null;
  }
}

function addressesOf({ a, aaaa }: Entry, type: number): Answer[] {
  const wants = (one: number) => type === one || type === recordTypes.any;
  return [
    ...(a !== null && wants(recordTypes.a) ? [{ type: recordTypes.a, data: a }] : []),
    ...(aaaa !== null && wants(recordTypes.aaaa) ? [{ type: recordTypes.aaaa, data: aaaa }] : []),
  ];
}

function bytesOf(text: string | null): Buffer | null {
  const address = text === null ? null : parseAddress(text);
  if (address === null) return null;
  return Buffer.from(address.value.toString(16).padStart(address.family === 4 ? 8 : 32, "0"), "hex");
}

function shuffle<T>(items: readonly T[]): readonly T[] {
  if (items.length < 2) return items;
  const first = Math.floor(Math.random() * items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

function getOrMake<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const map = maps.get(key) ?? new Map<string, V>();
  maps.set(key, map);
  return map;
}
