import type { CachedStep } from "../cache/build-cache.ts";
import { historyComment, type StageState } from "./stage-state.ts";

/** The state after a step that may have made a layer. */
export function withLayer(state: StageState, made: CachedStep, createdBy: string): StageState {
  const isEmpty = made.chain.length === state.chain.length;
  const own = { created: made.createdAt, created_by: createdBy, comment: historyComment };
  const entry = isEmpty ? { ...own, empty_layer: true } : own;
  return {
    ...state,
    chain: made.chain,
    history: [...state.history, entry],
    createdAt: made.createdAt,
  };
}
