/** What a client needs to know before any schema is loaded: the command line sends its request first and loads them after. */

/** Raised with every incompatible change; both ends must agree. */
export const protocolVersion = 1;

/** The engine's last words where it was told to stop, as the reason of each close frame; whoever crashes says nothing. */
export const stopNotice = "the engine stops; containers go on running";

/** First byte of each binary frame that the engine sends on a byte stream: see streams.ts. */
export const channel = { stdout: 1, stderr: 2, records: 3 } as const;
/** One byte on `stdout` that answers the offer of a file, see `openFile` in streams.ts. */
export const offerAnswer = { taken: 0, refused: 1 } as const;
export type Channel = (typeof channel)[keyof typeof channel];
