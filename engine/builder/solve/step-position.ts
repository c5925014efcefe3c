import type { FindSource } from "./sources.ts";

/** Where an instruction stands, and what its stage knows. */
export type StepPosition = {
  readonly position: {
    /** Its row. */
    readonly stepID: number;
    /** Made anew whatever the cache has. */
    readonly isFresh: boolean;
  };
  readonly findSource: FindSource;
};
