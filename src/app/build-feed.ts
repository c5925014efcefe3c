import type { BuildEvent } from "../../engine/protocol/builds.ts";
import type { ReconnectingClient } from "../client/reconnect.ts";
import type { Mirror, MirrorAction } from "../store/mirror.ts";
import { selectedIndex } from "../store/selectors.ts";
import type { Store } from "../store/store.ts";
import type { Ui, UiAction } from "../store/ui.ts";
import { Gathered } from "./gathered.ts";

export type BuildFeedParts = {
  readonly client: Pick<ReconnectingClient, "subscribe">;
  readonly mirror: Store<Mirror, MirrorAction>;
  readonly ui: Store<Ui, UiAction>;
  readonly take: (action: MirrorAction) => void;
};

/** Milliseconds for which events are gathered: a compiler writes more than a screen can show. */
const gatherTime = 50;

/** Follows the build under the cursor while somebody looks at builds. */
export class BuildFeed implements Disposable {
  readonly #parts: BuildFeedParts;
  readonly #stops: readonly (() => void)[];
  #subscription: { close(): void } | null = null;
  #id = "";
  readonly #gathered: Gathered<BuildEvent>;

  constructor(parts: BuildFeedParts) {
    this.#parts = parts;
    this.#gathered = new Gathered(gatherTime, (events) => parts.take({ type: "build-events", id: this.#id, events }));
    this.#stops = [parts.ui.subscribe(() => this.#follow()), parts.mirror.subscribe(() => this.#follow())];
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop();
    this.#close();
  }

  #close(): void {
    this.#subscription?.close();
    this.#subscription = null;
    this.#gathered.drop();
  }

  #follow(): void {
    const id = this.#wanted();
    if (id === this.#id) return;
    this.#id = id;
    this.#close();
    this.#parts.mirror.dispatch({ type: "build-opened", id });
    if (id === "") return;
    this.#subscription = this.#parts.client.subscribe("build", {
      params: () => {
        // All that was is told anew to a new connection.
        this.#gathered.drop();
        this.#parts.mirror.dispatch({ type: "build-opened", id });
        return { buildID: id };
      },
      onItem: (event) => {
        if (id === this.#id) this.#gathered.add(event);
      },
    });
  }

  #wanted(): string {
    const { overlay } = this.#parts.ui.get();
    if (overlay?.kind !== "builds") return "";
    const { builds } = this.#parts.mirror.get();
    return builds[selectedIndex(builds, overlay.build)]?.id ?? "";
  }
}
