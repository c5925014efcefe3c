import { EngineError } from "../../engine/errors.ts";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { MethodResult } from "../../engine/protocol/methods.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import {
  type Browser,
  type BrowserAction,
  type CompareScreen,
  type FileScreen,
  isLive,
  keyOf,
  subjectOf,
  type TreeScreen,
  type WasteScreen,
} from "../store/browser.ts";
import { chunkSize, chunksAround } from "../store/file-bytes.ts";
import { isLive as isLiveContainer, type Mirror, type MirrorAction } from "../store/mirror.ts";
import { type Page, pageSize, pagesAround } from "../store/paged.ts";
import { usersOfVolume } from "../store/selectors.ts";
import type { Store } from "../store/store.ts";
import { browserNews } from "./browser-news.ts";
import { failureText, hintOf } from "./run-on-each.ts";

export type BrowserFeedParts = {
  readonly client: Pick<ReconnectingClient, "request" | "state" | "onState">;
  readonly browser: Store<Browser, BrowserAction>;
  readonly mirror: Store<Mirror, MirrorAction>;
};

/** The engine looks at a container's own files again after a second, or ten times what the look takes, in milliseconds. */
const lookInterval = 1_050;
const looksCost = 10;
/** Milliseconds after which one is told to wait. */
const patience = 250;
const worstFiles = 1_000;

type Paging<Item> = (
  offset: number,
  limit: number,
) => Promise<{ readonly items: readonly Item[]; readonly total: number }>;

/**
 * Fetches what the uppermost screen of the file browser lacks: pages around the cursor, pieces of a file, and, of a running container, all
 * that is shown once a second. One request at a time for each kind of screen: a cursor that runs, or a filter that is typed, asks for
 * what is wanted when the last answer is here, and a long comparison that was left keeps nobody from browsing.
 */
export class BrowserFeed implements Disposable {
  readonly #parts: BrowserFeedParts;
  readonly #stop: readonly (() => void)[];
  readonly #busy = new Set<Browser[number]["kind"]>();
  #timer: NodeJS.Timeout | null = null;
  #lookTime = 0;
  #known: Mirror;

  constructor(parts: BrowserFeedParts) {
    this.#parts = parts;
    this.#known = parts.mirror.get();
    const follow = () => this.#follow();
    // A container that is started again is told by the mirror.
    this.#stop = [
      parts.browser.subscribe(follow),
      parts.client.onState(follow),
      parts.mirror.subscribe(() => this.#learn()),
    ];
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #learn(): void {
    const [before, now] = [this.#known, this.#parts.mirror.get()];
    this.#known = now;
    for (const news of browserNews(this.#parts.browser.get(), before, now)) this.#dispatch(news);
    this.#follow();
  }

  #follow(): void {
    const screen = this.#parts.browser.get().at(-1);
    if (screen === undefined || this.#busy.has(screen.kind) || this.#parts.client.state.status !== "connected") return;
    const work = this.#missing(screen);
    if (work === null) this.#waitForLook();
    else void this.#run(screen, work);
  }

  async #run(screen: Browser[number], work: () => Promise<void>): Promise<void> {
    const key = keyOf(screen);
    this.#busy.add(screen.kind);
    const slow = setTimeout(() => this.#dispatch({ type: "slow", key }), patience);
    try {
      await work();
    } catch (cause) {
      // What is here stays while the engine is lost: it is asked again when it is back.
      const isLost =
        cause instanceof EngineError && cause.code === "unavailable" && this.#parts.client.state.status !== "connected";
      if (!isLost) this.#dispatch({ type: "failed", key, error: errorText(cause) });
    } finally {
      clearTimeout(slow);
      this.#busy.delete(screen.kind);
    }
    this.#follow();
  }

  #dispatch(action: BrowserAction): void {
    this.#parts.browser.dispatch(action);
  }

  /** What has to be fetched for a screen, or null where all is here. */
  #missing(screen: Browser[number]): (() => Promise<void>) | null {
    switch (screen.kind) {
      case "files":
        return this.#missingEntries(screen);
      case "compare":
        return this.#missingDifferences(screen);
      case "waste":
        return screen.result === null && screen.error === "" ? () => this.#fetchWaste(screen) : null;
      case "file":
        return this.#missingChunk(screen);
    }
  }

  #missingEntries(screen: TreeScreen): (() => Promise<void>) | null {
    const { list } = screen;
    const isFirst = list.total === null;
    const number = list.error === "" ? pagesAround(list).find((page) => !list.pages.has(page)) : undefined;
    if (number === undefined) return null;
    return async () => {
      const pages = [await fillPage(number, this.#listing(screen))];
      this.#dispatch({ type: "entries", key: list.key, pages, isLook: isFirst, at: Date.now() });
    };
  }

  #listing({
    browsed,
    choice,
    path,
    filter,
    order,
  }: TreeScreen): Paging<MethodResult<"files.list">["entries"][number]> {
    const isFiltered = filter.contains !== "" || filter.minimumSize > 0 || filter.changed;
    const query = { subject: subjectOf(browsed, choice), path, order, filter: isFiltered ? filter : null };
    return async (offset, limit) => {
      const { entries, total } = await this.#parts.client.request("files.list", { ...query, offset, limit });
      return { items: entries, total };
    };
  }

  #missingDifferences({ left, right, contains, list }: CompareScreen): (() => Promise<void>) | null {
    const number = list.error === "" ? pagesAround(list).find((page) => !list.pages.has(page)) : undefined;
    if (number === undefined) return null;
    return async () => {
      const sides = { left: { ...wholeOf(left) }, right: { ...wholeOf(right) } };
      const layers = { sharedLayers: [] as string[], leftLayers: [] as string[], rightLayers: [] as string[] };
      const page = await fillPage(number, async (offset, limit) => {
        const { files, total, ...found } = await this.#parts.client.request("files.compare", {
          ...sides,
          contains,
          offset,
          limit,
        });
        Object.assign(layers, found);
        return { items: files, total };
      });
      this.#dispatch({ type: "differences", key: list.key, page, layers });
    };
  }

  async #fetchWaste({ browsed, choice, key }: WasteScreen): Promise<void> {
    const subject = subjectOf(browsed, choice);
    const result = await this.#parts.client.request("files.waste", { subject, limit: worstFiles });
    this.#dispatch({ type: "waste", key, result });
  }

  #missingChunk(screen: FileScreen): (() => Promise<void>) | null {
    const index = screen.error === "" ? chunksAround(screen).find((chunk) => !screen.chunks.has(chunk)) : undefined;
    if (index === undefined) return null;
    const { subject, path, key } = screen;
    return async () => {
      const place = { subject, path, offset: index * chunkSize, length: chunkSize };
      const { bytes, size } = await this.#parts.client.request("files.read", place);
      this.#dispatch({ type: "chunk", key, chunk: { index, bytes: Buffer.from(bytes, "base64"), size } });
    };
  }

  #waitForLook(): void {
    if (this.#timer !== null || this.#liveScreen() === null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        const screen = this.#liveScreen();
        if (screen === null || this.#busy.has(screen.kind)) this.#follow();
        else void this.#run(screen, () => this.#look(screen));
      },
      Math.max(lookInterval, this.#lookTime * looksCost),
    );
  }

  /** The uppermost screen, where a container may change what it shows. */
  #liveScreen(): TreeScreen | null {
    const screen = this.#parts.browser.get().at(-1);
    if (screen?.kind !== "files" || !isLive(screen) || this.#parts.client.state.status !== "connected") return null;
    const writers = this.#writersOf(screen);
    if (writers === null) return null;
    // What has stopped is looked at until nothing seems to grow.
    const isMoving = (screen.live?.rate ?? 0) !== 0 || (screen.growth?.size ?? 0) > 0;
    return writers.some(isLiveContainer) || isMoving ? screen : null;
  }

  /** Containers that may write there; null: it is no more. */
  #writersOf({ browsed: { type, id } }: TreeScreen): readonly ContainerSummary[] | null {
    const mirror = this.#parts.mirror.get();
    if (type === "volume") {
      const volume = mirror.volumes.find((other) => other.id === id);
      return volume === undefined ? null : usersOfVolume(mirror, volume);
    }
    const container = mirror.containers.find((other) => other.id === id);
    return container === undefined ? null : [container];
  }

  /** Reads again all that is near the cursor, and what the whole layer holds. */
  async #look(screen: TreeScreen): Promise<void> {
    const at = Date.now();
    const pages: Page<MethodResult<"files.list">["entries"][number]>[] = [];
    const listing = this.#listing(screen);
    for (const number of pagesAround(screen.list)) pages.push(await fillPage(number, listing));
    const own = { ...screen, choice: { layer: screen.layers.length - 1, view: "layer" as const } };
    const filter = { contains: "", minimumSize: 0, changed: false };
    const all = await this.#listing({ ...own, path: "/", order: "size", filter })(0, 1_000);
    this.#lookTime = Date.now() - at;
    const bytes = all.items.reduce((sum, { size, change }) => sum + (change === "removed" ? 0 : size), 0);
    this.#dispatch({ type: "live", id: screen.browsed.id, bytes, at });
    this.#dispatch({ type: "entries", key: screen.list.key, pages, isLook: true, at });
  }
}

/** A whole page, also where the engine gives it in pieces. */
async function fillPage<Item>(number: number, paging: Paging<Item>): Promise<Page<Item>> {
  const items: Item[] = [];
  for (;;) {
    const from = number * pageSize + items.length;
    const part = await paging(from, pageSize - items.length);
    items.push(...part.items);
    if (part.items.length === 0 || items.length >= pageSize || from + part.items.length >= part.total) {
      return { number, items, total: part.total };
    }
  }
}

function wholeOf({ type, id }: CompareScreen["left"]) {
  return { type, name: id, layer: null, view: "upTo" as const };
}

function errorText(cause: unknown): string {
  const hint = hintOf(cause);
  return failureText(cause) + (hint === "" ? "" : ` (${hint})`);
}
