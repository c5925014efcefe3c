import type { JsonText } from "../lib/json-text.ts";
import type { MethodName, MethodParams, MethodResult } from "../protocol/methods.ts";
import type { Progress } from "../protocol/rpc.ts";
import type { TopicName } from "../protocol/topics.ts";
import type { ByteStream } from "./byte-stream.ts";

/** One request under way. */
export type Call = {
  /** Aborted when the client goes: for work that is of no use without it. */
  readonly signal: AbortSignal;
  /** Sends at most some ten a second, the newest. */
  readonly report: (progress: Progress) => void;
  /** The byte stream the request names. */
  readonly openStream: (streamID: string) => Promise<ByteStream>;
  readonly subscribe: (topic: TopicName, params: unknown) => number;
  readonly unsubscribe: (subscriptionID: number) => void;
};

/** The result; a list may be the JSON of one, where that is at hand. */
type Answer<M extends MethodName> = MethodResult<M> | (MethodResult<M> extends readonly unknown[] ? JsonText : never);

export type Handler<M extends MethodName> = (params: MethodParams<M>, call: Call) => Answer<M> | Promise<Answer<M>>;

/** Every method has one: the compiler sees to it. */
export type Handlers = { readonly [M in MethodName]: Handler<M> };
