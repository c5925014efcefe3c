import type { AttachSession } from "../runtime/container-runtime.ts";

/** A client's end of a connection to a process. */
export interface ClientStream {
  /** Aborted when the client is gone or the stream was closed. */
  readonly signal: AbortSignal;
  /** Sends bytes of stdout (1) or stderr (2), which may be used again when it returns. False asks for a pause until ready(). */
  send(stream: 1 | 2, bytes: Uint8Array): boolean;
  ready(): Promise<void>;
}

export type Joined = {
  /** Begins to give what the client types, until its end of input; null: nothing of it is for the process. */
  readonly input: (() => AsyncIterable<Buffer>) | null;
  /** Absent: the end of the client's input is the process's. */
  readonly onInputEnd?: () => void;
};

/**
 * Joins a client's stream and a process until either ends. Resolves when the process has ended and all its output was sent. The client
 * going leaves the process alone.
 */
export function joinSession(
  stream: ClientStream,
  session: AttachSession,
  { input, onInputEnd }: Joined,
): Promise<void> {
  session.onOutput((number, bytes) => {
    const hasRoom = stream.send(number, bytes);
    if (!hasRoom) void stream.ready().then(() => session.resume());
    return hasRoom;
  });
  const ended = new Promise<void>((resolve) => session.onEnd(resolve));
  const leave = () => void session[Symbol.asyncDispose]();
  stream.signal.addEventListener("abort", leave);
  if (stream.signal.aborted) leave();
  if (input !== null) void sendInput(stream, session, { input, onInputEnd: onInputEnd ?? (() => session.endInput()) });
  return ended;
}

/** Ends quietly when the process takes no more: its exit is what the client is told. */
async function sendInput(
  stream: ClientStream,
  session: AttachSession,
  { input, onInputEnd }: { readonly input: () => AsyncIterable<Buffer>; readonly onInputEnd: () => void },
): Promise<void> {
  try {
    for await (const bytes of input()) await session.write(bytes);
    if (!stream.signal.aborted) onInputEnd();
  } catch {
    for await (const _ignored of input());
  }
}
