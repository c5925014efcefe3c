/** What a client needs to know before any schema is loaded: the command line sends its request first and loads them after. */

/** Raised with every incompatible change; both ends must agree. */
export const protocolVersion = 1;

/** First byte of each binary frame that the engine sends on a byte stream: see streams.ts. */
export const channel = { stdout: 1, stderr: 2, records: 3 } as const;
export type Channel = (typeof channel)[keyof typeof channel];
