/** All that a client parses, in one chunk that lazy-schemas.ts loads. */
export { methods } from "../../engine/protocol/methods.ts";
export { engineMessage } from "../../engine/protocol/rpc.ts";
export { engineControl } from "../../engine/protocol/streams.ts";
export { topics } from "../../engine/protocol/topics.ts";
