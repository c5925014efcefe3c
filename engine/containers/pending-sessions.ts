import { EngineError } from "../errors.ts";
import type { AttachSession } from "../runtime/container-runtime.ts";
import type { AttachRequest } from "./container-service.ts";

/** Clients that attached before the container runs. */
export class PendingSessions {
  readonly #pending = new Map<string, Set<AttachRequest>>();

  add(id: string, request: AttachRequest): void {
    const waiting = this.#pending.get(id) ?? new Set();
    this.#pending.set(id, waiting);
    waiting.add(request);
    const leave = () => {
      waiting.delete(request);
      if (waiting.size === 0 && this.#pending.get(id) === waiting) this.#pending.delete(id);
    };
    if (request.signal.aborted) leave();
    else request.signal.addEventListener("abort", leave, { once: true });
  }

  /** Opens a session for each, to be called between the creation of the process and its start. */
  async connect(id: string, open: () => Promise<AttachSession>): Promise<void> {
    const waiting = [...(this.#pending.get(id) ?? [])];
    this.#pending.delete(id);
    await Promise.all(
      waiting.map(async (request) => {
        if (request.signal.aborted) return;
        try {
          request.onSession(await open());
        } catch (error) {
          request.onGone(EngineError.wrap("attach", error));
        }
      }),
    );
  }

  /** Tells those who wait that there will be nothing to attach to. */
  drop(id: string, reason: EngineError): void {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    for (const request of waiting ?? []) request.onGone(reason);
  }
}
