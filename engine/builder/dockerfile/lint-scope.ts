import type { Platform } from "../../oci/platform.ts";

export type CheckScope = {
  readonly buildArgs: Readonly<Record<string, string>>;
  /** A stage's name or number; empty: all stages are looked at. */
  readonly target: string;
  readonly platform?: Platform | null;
  /** Indexes of stages to look at, as resolveStages gave them; absent: as `target` says. */
  readonly stages?: readonly number[];
  /** What is known of a base image, by its reference as written. Where nothing is, nothing is said of undefined variables. */
  readonly findImage?: (reference: string) => BaseImage | null;
  /** Of the context; null: there is none. */
  readonly ignore?: IgnoreFile | null;
};

export type BaseImage = { readonly environment: readonly string[]; readonly hasShell: boolean };

export type IgnoreFile = {
  /** Lines of the .dockerignore, without comments. */
  readonly patterns: readonly string[];
  /** True if the path, or a directory that it is in, is left out. Relative, without `./`. */
  readonly matches: (path: string) => boolean;
};
