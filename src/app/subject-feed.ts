import { messageOf } from "../../engine/errors.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import { screenText } from "../format/screen-text.ts";
import { historyLength, isLive, type Mirror, type MirrorAction } from "../store/mirror.ts";
import { layersKey, logTargets, selectedContainer } from "../store/selectors.ts";
import type { Store } from "../store/store.ts";
import type { Ui, UiAction } from "../store/ui.ts";
import { LogFeed } from "./log-feed.ts";

export type FeedParts = {
  readonly client: Pick<ReconnectingClient, "request" | "subscribe" | "state">;
  readonly mirror: Store<Mirror, MirrorAction>;
  readonly ui: Store<Ui, UiAction>;
  readonly take: (action: MirrorAction) => void;
};

/** A cursor that runs through a list should not fetch the logs of all it passes. */
const settleTime = 120;

/** Fetches what belongs to what is selected: logs, layers, and the curves before the dashboard came. */
export class SubjectFeed implements Disposable {
  readonly #parts: FeedParts;
  readonly logs: LogFeed;
  readonly #stop: (() => void)[];
  readonly #historyOf = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #started = false;
  #layersSeen = "";

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.logs = new LogFeed(parts.client, parts.mirror, parts.take);
    this.#stop = [parts.mirror.subscribe(() => this.#changed()), parts.ui.subscribe(() => this.#changed())];
    this.#changed();
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.logs[Symbol.dispose]();
  }

  #changed(): void {
    if (!this.#started && this.#parts.mirror.get().synced) {
      // The first screen comes whole.
      this.#started = true;
      this.#follow();
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#follow();
    }, settleTime);
  }

  #follow(): void {
    const { client } = this.#parts;
    const mirror = this.#parts.mirror.get();
    const ui = this.#parts.ui.get();
    if (!mirror.synced) return;
    this.logs.follow(logTargets(mirror, ui), ui.filters.logs);
    if (client.state.status !== "connected") return;
    this.#followLayers(mirror, ui);
    const selected = selectedContainer(mirror, ui);
    if (selected !== null && isLive(selected)) this.#fetchHistory(selected.id);
  }

  /** Layers are read again when the container was started or stopped: its writable layer has changed then. */
  #followLayers(mirror: Mirror, ui: Ui): void {
    const { client, take } = this.#parts;
    const key = layersKey(mirror, ui);
    const status = mirror.containers.find((container) => key.endsWith(container.id))?.status ?? "";
    const epoch = client.state.status === "connected" ? client.state.engine.epoch : "";
    const seen = `${key} ${status} ${epoch}`;
    if (seen === this.#layersSeen) return;
    this.#layersSeen = seen;
    if (key !== mirror.layers.key) this.#parts.mirror.dispatch({ type: "layers-wanted", key });
    if (key === "") return;
    const [kind = "", id = ""] = key.split(" ");
    const answer =
      kind === "image"
        ? client.request("layers.ofImage", { image: id })
        : client.request("layers.ofContainer", { container: id });
    answer.then(
      (result) => take({ type: "layers", key, result, error: "" }),
      (cause) => take({ type: "layers", key, result: null, error: screenText(messageOf(cause)) }),
    );
  }

  #fetchHistory(container: string): void {
    if (this.#historyOf.has(container)) return;
    this.#historyOf.add(container);
    this.#parts.client.request("stats.history", { container, seconds: historyLength }).then(
      (samples) => this.#parts.take({ type: "history", container, samples }),
      // Without it the curve begins now.
      () => undefined,
    );
  }
}
