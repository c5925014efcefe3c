/** 1-based lines of the Dockerfile, both included. */
export type Lines = { readonly first: number; readonly last: number };

export type Heredoc = {
  /** The word after `<<`, without quotes. */
  readonly name: string;
  /** Without leading tabs where it was written `<<-`. */
  readonly content: string;
  /** False where the word was quoted. */
  readonly expand: boolean;
};

/** What RUN, CMD, ENTRYPOINT and HEALTHCHECK are to run. */
export type Command =
  | { readonly form: "exec"; readonly args: readonly string[] }
  /**
   * text: with continuation lines joined; heredocs, with their words still in it, follow it on lines of their own as a shell wants them.
   * Where one heredoc is all there is, text is its content. Where that begins with `#!`, script has it: the content must lie, executable, at
   * /dev/pipes/<name> while the command runs, and text is that path.
   */
  | {
      readonly form: "shell";
      readonly text: string;
      readonly heredocs: readonly Heredoc[];
      readonly script?: Heredoc;
    };

/** isLegacy: written `KEY value`, without `=`. */
export type Pair = { readonly key: string; readonly value: string; readonly isLegacy?: boolean };

/** A `--mount` of RUN, as written: `type=cache`, `target=/x` … Checked by parseRunMount once variables are expanded. */
export type RawMount = string;

type Common = {
  readonly lines: Lines;
  /** As written, on one line, without comments: what progress and history show. */
  readonly text: string;
  /** The instruction's name as written: `copy`. */
  readonly keyword: string;
  /** Lines of comment right before it, without their `#`. */
  readonly comments: readonly string[];
};

export type FileInstruction = Common & {
  readonly name: "ADD" | "COPY";
  /** Words as written; a heredoc's is its `<<name`, with the content in `heredocs`. */
  readonly sources: readonly string[];
  readonly target: string;
  readonly heredocs: readonly Heredoc[];
  readonly from: string | null;
  readonly chown: string | null;
  readonly chmod: string | null;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  /** ADD only. */
  readonly checksum: string | null;
  readonly keepGitDirectory: boolean;
  /** ADD only: null takes docker's way (archives of the context yes, remote ones no). */
  readonly unpack: boolean | null;
};

export type HealthcheckInstruction = Common & {
  readonly name: "HEALTHCHECK";
  /** Null: NONE. Times in nanoseconds, 0: docker's default. */
  readonly check: {
    readonly command: Command;
    readonly interval: number;
    readonly timeout: number;
    readonly startPeriod: number;
    readonly startInterval: number;
    readonly retries: number;
  } | null;
};

/** Variables are not expanded, and quotes are there still, wherever docker expands: see expandInstruction. */
export type Instruction =
  | (Common & {
      readonly name: "RUN";
      readonly command: Command;
      readonly mounts: readonly RawMount[];
      readonly network: string | null;
      readonly security: string | null;
    })
  | (Common & { readonly name: "CMD" | "ENTRYPOINT"; readonly command: Command })
  | (Common & { readonly name: "SHELL"; readonly args: readonly string[] })
  | (Common & { readonly name: "LABEL" | "ENV"; readonly pairs: readonly Pair[] })
  /** value null: `ARG x`. */
  | (Common & {
      readonly name: "ARG";
      readonly args: readonly { readonly key: string; readonly value: string | null }[];
    })
  | (Common & { readonly name: "EXPOSE" | "VOLUME"; readonly values: readonly string[] })
  | (Common & { readonly name: "MAINTAINER" | "USER" | "WORKDIR" | "STOPSIGNAL"; readonly value: string })
  /** The instruction as written after ONBUILD. */
  | (Common & { readonly name: "ONBUILD"; readonly trigger: string })
  | HealthcheckInstruction
  | FileInstruction;

export type InstructionName = Instruction["name"];

export type ArgInstruction = Extract<Instruction, { name: "ARG" }>;

export type Stage = {
  readonly index: number;
  /** `AS name`, in lower case. */
  readonly name: string | null;
  /** Not expanded: an image, `scratch`, or an earlier stage. */
  readonly base: string;
  readonly platform: string | null;
  /** Of FROM. */
  readonly lines: Lines;
  readonly text: string;
  readonly keyword: string;
  readonly comments: readonly string[];
  /** `AS` and the name as written. */
  readonly as: { readonly keyword: string; readonly name: string } | null;
  readonly instructions: readonly Instruction[];
};

/** Names of build checks; `all` is all of them. experimental: those that are only made when named here. */
export type CheckOptions = {
  readonly skip: readonly string[];
  readonly experimental: readonly string[];
  readonly isError: boolean;
};

export type Dockerfile = {
  readonly text: string;
  readonly directives: {
    readonly syntax: string | null;
    readonly escape: "\\" | "`";
    /** `check=skip=A,B;error=true` */
    readonly check: CheckOptions;
  };
  /** Last lines of instructions that have empty lines within. */
  readonly emptyContinuations: readonly number[];
  /** Before the first FROM. */
  readonly metaArgs: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly Stage[];
};

/** Value of a variable; undefined where it is not set. */
export type Lookup = (name: string) => string | undefined;

/** A `--mount` of RUN. Absent fields as BuildKit has them by default. */
export type RunMount =
  | {
      readonly type: "bind";
      readonly target: string;
      /** Stage, named context or image; null: the context. */
      readonly from: string | null;
      readonly source: string;
      readonly readWrite: boolean;
    }
  | {
      readonly type: "cache";
      readonly target: string;
      readonly id: string;
      readonly from: string | null;
      readonly source: string;
      readonly sharing: "shared" | "private" | "locked";
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly readOnly: boolean;
    }
  | { readonly type: "tmpfs"; readonly target: string; readonly size: number | null }
  | {
      readonly type: "secret";
      /** Null: only in the environment. */
      readonly target: string | null;
      readonly id: string;
      /** Variable that holds it. */
      readonly environment: string | null;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: "ssh";
      readonly target: string | null;
      readonly id: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };
