import type { LogLine } from "../../engine/protocol/logs.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import { screenText } from "../format/screen-text.ts";
import { type LogBuffer, logKey, newerThan, olderThan } from "../store/log-buffer.ts";
import type { Mirror, MirrorAction } from "../store/mirror.ts";
import type { Store } from "../store/store.ts";

type Client = Pick<ReconnectingClient, "request" | "subscribe">;
type Subscription = { close(): void };

const firstLines = 500;
const pageLines = 500;

/** Follows the logs of a set of containers, and fetches older lines where they are scrolled to. */
export class LogFeed implements Disposable {
  readonly #client: Client;
  readonly #mirror: Store<Mirror, MirrorAction>;
  readonly #take: (action: MirrorAction) => void;
  #subscription: Subscription | null = null;
  #wanted: { containers: readonly string[]; contains: string } = { containers: [], contains: "" };

  constructor(client: Client, mirror: Store<Mirror, MirrorAction>, take: (action: MirrorAction) => void) {
    this.#client = client;
    this.#mirror = mirror;
    this.#take = take;
  }

  /** Shows these containers' lines from now on; those only that hold `contains`, if it is not empty. */
  follow(containers: readonly string[], contains: string): void {
    if (logKey(containers, contains) === logKey(this.#wanted.containers, this.#wanted.contains)) return;
    this.#wanted = { containers, contains };
    this.reopen();
  }

  /** Drops what there is and begins with the newest lines. */
  reopen(): void {
    this.#subscription?.close();
    this.#subscription = null;
    const { containers, contains } = this.#wanted;
    this.#mirror.dispatch({ type: "logs-opened", containers, contains });
    if (containers.length === 0) return;
    this.#subscription = this.#subscribe();
    // A subscription tells the newest lines whatever they hold, so the matching ones before it are looked up.
    if (contains !== "") void this.page();
  }

  [Symbol.dispose](): void {
    this.#subscription?.close();
  }

  #subscribe(): Subscription {
    const { containers, contains } = this.#wanted;
    const key = logKey(containers, contains);
    const wanted = contains.toLowerCase();
    /** By container: the time and place of its last line, so that a resumed subscription repeats nothing. */
    const last = new Map<string, LogLine>();
    let since: string | null = null;
    return this.#client.subscribe("logs", {
      params: () => ({
        containers: [...containers],
        range: { tail: since !== null ? null : contains === "" ? firstLines : 0, since, until: null },
      }),
      onItem: ({ lines }) => {
        const fresh = lines.filter((line) => isNewer(line, last.get(line.container)));
        for (const line of fresh) {
          last.set(line.container, line);
          if (since === null || line.time > since) since = line.time;
        }
        const shown =
          wanted === "" ? fresh : fresh.filter((line) => screenText(line.text).toLowerCase().includes(wanted));
        if (shown.length > 0) this.#take({ type: "logs", key, lines: shown });
      },
    });
  }

  /** Fetches a page of lines of each container: those before what is here, or those behind it, which were dropped. */
  async page(direction: Direction = "older"): Promise<void> {
    const buffer = this.#mirror.get().logs;
    if (buffer.paging || buffer.containers.length === 0) return;
    const places = buffer.containers.flatMap((id) => {
      const place = direction === "older" ? placeBefore(buffer, id) : newerThan(buffer, id);
      return place === null ? [] : [{ id, place }];
    });
    if (places.length === 0) return;
    this.#mirror.dispatch({ type: "logs-paging", key: buffer.key, paging: true });
    try {
      const limit = Math.max(50, Math.floor(pageLines / places.length));
      if (direction === "older") {
        const pages = await Promise.all(places.map(({ id }) => this.#pageOf(buffer, id, limit)));
        this.#take({ type: "logs-older", key: buffer.key, ...mergePages(pages) });
      } else {
        const pages = await Promise.all(places.map(({ id, place }) => this.#newerOf(buffer, id, { place, limit })));
        this.#take({ type: "logs-newer", key: buffer.key, ...mergeNewer(pages) });
      }
    } catch {
      // The lines that are here stay; the next scroll asks again.
      this.#mirror.dispatch({ type: "logs-paging", key: buffer.key, paging: false });
    }
  }

  async #newerOf(
    buffer: LogBuffer,
    container: string,
    { place, limit }: { readonly place: number | "end"; readonly limit: number },
  ): Promise<NewerPage> {
    const start = place === "end" ? 0 : place;
    const { lines, after = null } = await this.#client.request("logs.page", {
      container,
      before: null,
      after: Math.max(0, start),
      limit,
      ...(buffer.contains === "" ? {} : { contains: buffer.contains }),
    });
    return { container, lines, from: start, after };
  }

  async #pageOf(buffer: LogBuffer, container: string, limit: number): Promise<Page> {
    const place = placeBefore(buffer, container);
    const { lines, before } = await this.#client.request("logs.page", {
      container,
      before: place === "end" ? null : place,
      limit,
      ...(buffer.contains === "" ? {} : { contains: buffer.contains }),
    });
    const firstKept = buffer.lines.find((line) => line.container === container);
    const older = firstKept === undefined ? lines : lines.filter((line) => line.offset < firstKept.offset);
    return { container, lines: older, before };
  }
}

export type Direction = "older" | "newer";

/** Lines of one container behind `from`, oldest first, and where to go on: null where there was no more. */
export type NewerPage = {
  readonly container: string;
  readonly lines: readonly LogLine[];
  readonly from: number;
  readonly after: number | null;
};

/** As mergePages, forwards: a page that reaches further on than another one which has more is cut there. */
export function mergeNewer(pages: readonly NewerPage[]): {
  readonly lines: readonly LogLine[];
  readonly after: ReadonlyMap<string, number>;
  readonly isAtEnd: boolean;
} {
  const ends = pages.filter(({ after }) => after !== null).map(({ lines }) => lines.at(-1)?.time ?? "");
  const horizon = ends.toSorted()[0] ?? null;
  const after = new Map<string, number>();
  const lines: LogLine[] = [];
  for (const page of pages) {
    const kept = page.lines.filter(({ time }) => horizon === null || time <= horizon);
    const wasCut = kept.length < page.lines.length;
    const last = kept.at(-1)?.offset ?? page.from;
    after.set(page.container, wasCut ? last : Math.max(last, page.after ?? 0));
    lines.push(...kept);
  }
  lines.sort(byTime);
  return { lines, after, isAtEnd: horizon === null };
}

function byTime(left: LogLine, right: LogLine): number {
  return left.time < right.time ? -1 : left.time > right.time ? 1 : left.offset - right.offset;
}

/** Lines of one container, oldest first, and where to go on. */
export type Page = { readonly container: string; readonly lines: readonly LogLine[]; readonly before: number | null };

/**
 * Puts pages of several containers in order of time. A page that reaches further back than another one which has more is cut
 * there, or lines would appear in the middle later.
 */
export function mergePages(pages: readonly Page[]): {
  readonly lines: readonly LogLine[];
  readonly before: ReadonlyMap<string, number | null>;
} {
  const unfinished = pages.filter((page) => page.before !== null);
  const horizon = unfinished.reduce((latest, page) => {
    const first = page.lines[0]?.time ?? "";
    // Times of one form compare as text.
    if (first > latest) return first;
    return latest;
  }, "");
  const before = new Map<string, number | null>();
  const lines: LogLine[] = [];
  for (const page of pages) {
    const kept = page.lines.filter((line) => line.time >= horizon);
    const wasCut = kept.length < page.lines.length;
    before.set(page.container, wasCut ? (kept[0]?.offset ?? lastOffset(page) + 1) : page.before);
    lines.push(...kept);
  }
  lines.sort(byTime);
  return { lines, before };
}

function lastOffset(page: Page): number {
  return page.lines.at(-1)?.offset ?? 0;
}

/** "end": nothing of it is here yet, so older lines begin at the newest. */
function placeBefore(buffer: LogBuffer, container: string): number | "end" | null {
  const isHere = buffer.before.has(container) || buffer.lines.some((line) => line.container === container);
  return isHere ? olderThan(buffer, container) : "end";
}

function isNewer(line: LogLine, last: LogLine | undefined): boolean {
  if (last === undefined || line.time > last.time) return true;
  return line.time === last.time && line.offset > last.offset;
}
