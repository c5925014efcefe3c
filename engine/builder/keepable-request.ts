import type { BuildRequest } from "../protocol/builds.ts";

type Named = BuildRequest["namedContexts"][string];

/** What of a request may lie on a disk: no secrets, no credentials, also not those in addresses. */
export function keepableRequest(request: BuildRequest): BuildRequest {
  const { context, namedContexts, buildArgs } = request;
  return {
    ...request,
    context: withoutUserinfo(context),
    namedContexts: Object.fromEntries(
      Object.entries(namedContexts).map(([name, each]) => [name, withoutUserinfo(each)]),
    ),
    buildArgs: Object.fromEntries(Object.entries(buildArgs).map(([name, value]) => [name, redactURL(value)])),
    secrets: [],
    credentials: {},
    streamID: undefined,
    outputStreamID: undefined,
  };
}

/** Its context still lies on the host or can be had again, and it needs nothing that nobody keeps. */
export function isRepeatable(request: BuildRequest): boolean {
  const contexts = [request.context, ...Object.values(request.namedContexts)];
  if (contexts.some(({ type }) => type === "stream") || request.secrets.length > 0) return false;
  if (request.output.type !== "image" && request.output.type !== "none") return false;
  const addresses = contexts.flatMap((each) => (each.type === "remote" ? [each.url] : []));
  return [...addresses, ...Object.values(request.buildArgs)].every((text) => redactURL(text) === text);
}

/** The same address without a name and password in it. */
export function redactURL(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]{0,20}:\/\/)[^/?#@]*:[^/?#]*@/i, "$1")
    .replace(/^(https?:\/\/)[^/?#]*@/i, "$1");
}

function withoutUserinfo<T extends Named>(context: T): T {
  return context.type === "remote" ? { ...context, url: redactURL(context.url) } : context;
}
