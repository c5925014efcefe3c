import type { LogLine } from "../../engine/protocol/logs.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import { screenText } from "../format/screen-text.ts";
import { type LogBuffer, logKey, olderThan } from "../store/log-buffer.ts";
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

  /** Fetches a page of older lines of each container. */
  async page(): Promise<void> {
    const buffer = this.#mirror.get().logs;
    if (buffer.paging || buffer.containers.length === 0) return;
    const open = buffer.containers.filter((id) => placeBefore(buffer, id) !== null);
    if (open.length === 0) return;
    this.#mirror.dispatch({ type: "logs-paging", key: buffer.key, paging: true });
    try {
      const limit = Math.max(50, Math.floor(pageLines / open.length));
      const pages = await Promise.all(open.map((id) => this.#pageOf(buffer, id, limit)));
      this.#take({ type: "logs-older", key: buffer.key, ...mergePages(pages) });
    } catch {
      // The lines that are here stay; the next scroll asks again.
      this.#mirror.dispatch({ type: "logs-paging", key: buffer.key, paging: false });
    }
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
  lines.sort((left, right) => (left.time < right.time ? -1 : left.time > right.time ? 1 : left.offset - right.offset));
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
