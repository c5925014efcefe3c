import type { RawHeredoc } from "./heredocs.ts";
import type { Lines } from "./types.ts";
import type { Statement } from "./words.ts";

/** An instruction, taken apart but not understood. */
export type Source = Statement & {
  readonly name: string;
  readonly common: {
    readonly lines: Lines;
    readonly text: string;
    readonly keyword: string;
    readonly comments: readonly string[];
  };
  readonly heredocs: readonly RawHeredoc[];
  readonly escapeToken: string;
};
