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

export type Handler<M extends MethodName> = (
  params: MethodParams<M>,
  call: Call,
) => MethodResult<M> | Promise<MethodResult<M>>;

/** Every method has one: the compiler sees to it. */
export type Handlers = { readonly [M in MethodName]: Handler<M> };
