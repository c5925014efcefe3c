import { readDetails } from "../panes/details-actions.ts";
import type { Overlay } from "../store/ui.ts";
import type { Dashboard } from "./dashboard.ts";

/** An object that changes all the time is read again so often at most, in milliseconds. */
const interval = 1_000;
/** Results of health checks come without any change of the container: they are looked at so often. */
const healthInterval = 5_000;

type Details = Extract<Overlay, { kind: "details" }>;

/** Reads open details again when what they are about has changed. */
export class DetailsFeed implements Disposable {
  readonly #dashboard: Dashboard;
  readonly #stop: readonly (() => void)[];
  /** The state of the object when it was read last. */
  #seen: unknown = null;
  #subject: Details["subject"];
  #timer: NodeJS.Timeout | null = null;
  #isBusy = false;

  constructor(dashboard: Dashboard) {
    this.#dashboard = dashboard;
    this.#stop = [dashboard.mirror.subscribe(() => this.#follow()), dashboard.ui.subscribe(() => this.#follow())];
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop();
    this.#forget();
  }

  #forget(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #follow(): void {
    const subject = this.#open()?.subject;
    if (subject !== this.#subject) {
      this.#subject = subject;
      this.#seen = this.#object();
      this.#forget();
      if (subject === undefined) return;
    }
    if (subject === undefined || this.#timer !== null || this.#isBusy) return;
    const hasNews = this.#object() !== this.#seen;
    if (hasNews || this.#isChecked()) {
      this.#timer = setTimeout(() => void this.#read(), hasNews ? interval : healthInterval);
    }
  }

  #open(): Details | null {
    const { overlay } = this.#dashboard.ui.get();
    return overlay?.kind === "details" ? overlay : null;
  }

  #object(): { readonly id: string } | undefined {
    const subject = this.#subject;
    if (subject === undefined) return undefined;
    const objects: readonly { readonly id: string }[] = this.#dashboard.mirror.get()[subject.pane];
    return objects.find(({ id }) => id === subject.id);
  }

  #isChecked(): boolean {
    const { pane, id } = this.#subject ?? { pane: "images", id: "" };
    const container = this.#dashboard.mirror.get().containers.find((one) => one.id === id);
    return pane === "containers" && container?.status === "running" && container.health !== "none";
  }

  async #read(): Promise<void> {
    this.#timer = null;
    const subject = this.#subject;
    if (subject === undefined || this.#dashboard.client.state.status !== "connected") return;
    this.#seen = this.#object();
    this.#isBusy = true;
    try {
      const read = await readDetails(this.#dashboard, subject);
      const open = this.#open();
      if (read !== null && open?.subject === subject) this.#show(open, read);
    } catch {
      // What is shown stays; an object that has gone is told by its list.
    } finally {
      this.#isBusy = false;
    }
  }

  /** In the form that is seen, at the place where one reads. */
  #show(open: Details, read: Details): void {
    const isTurned = open.other?.name === "page";
    const other = read.other ?? { name: "JSON", lines: [] };
    const forms = isTurned ? { lines: other.lines, other: { name: "page", lines: read.lines } } : {};
    const subject = open.subject === undefined ? {} : { subject: open.subject };
    this.#dashboard.ui.dispatch({ type: "overlay", overlay: { ...read, ...forms, ...subject, scroll: open.scroll } });
  }
}
