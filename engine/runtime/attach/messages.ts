/** To the worker. It never opens or closes a descriptor: the main thread does, when the worker has let go of it. */
export type AttachCommand =
  | { readonly kind: "add"; readonly id: number; readonly descriptor: number }
  /** Answered with `dropped`. */
  | { readonly kind: "drop"; readonly id: number }
  /** So many bytes of output were given to the listener. */
  | { readonly kind: "consumed"; readonly id: number; readonly bytes: number }
  /** The process has ended: read the little that is left, however slow the listener is, so that conmon can end. */
  | { readonly kind: "drain"; readonly id: number }
  /** Tell once when the socket takes more input. */
  | { readonly kind: "await-writable"; readonly id: number }
  | { readonly kind: "stop" };

/** From the worker. */
export type AttachEvent =
  /** `segments`: stream (1 or 2) and length in turn, one after the other from the buffer's beginning. */
  | { readonly kind: "output"; readonly id: number; readonly bytes: Uint8Array; readonly segments: readonly number[] }
  /** The last one of a connection, unless it was dropped before. The worker has let go of the descriptor. */
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "dropped"; readonly id: number }
  | { readonly kind: "writable"; readonly id: number };

export type AttachWorkerData = {
  readonly port: import("node:worker_threads").MessagePort;
  /** eventfd, written after each command: the worker sleeps in epoll_wait and sees no event loop. */
  readonly wake: number;
};
