import type { IncomingMessage } from "node:http";

export type Refusal = { readonly status: number; readonly message: string };

/** A web page must never reach the engine, by whatever way it came to the socket: browsers send one of these headers. */
export function refusalOf(request: Pick<IncomingMessage, "headers">): Refusal | null {
  const fromBrowser = Object.keys(request.headers).find((name) => name === "origin" || name.startsWith("sec-fetch-"));
  if (fromBrowser === undefined) return null;
  return { status: 403, message: `requests with the header ${fromBrowser} are refused: they come from a web page` };
}
