import { change } from "./apply-instruction.ts";
import { refuseTooMany, type StageState } from "./stage-state.ts";

type Declared = { readonly key: string; readonly value: string | null };

/** The state after an ARG with these values. */
export function declareArgs(state: StageState, declared: readonly Declared[]): StageState {
  const args = new Map(state.args);
  for (const { key, value } of declared) args.set(key, value);
  refuseTooMany("arguments", args.size);
  const shown = declared.map(({ key, value }) => (value === null ? key : `${key}=${value}`));
  return { ...change(state, {}, `ARG ${shown.join(" ")}`), args };
}
