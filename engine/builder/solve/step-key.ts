import { chainIDOf } from "../../oci/chain-id.ts";
import { type DiffID, type Digest, sha256 } from "../../oci/digest.ts";
import type { RunMount } from "../dockerfile/types.ts";

/** Raised when the same inputs would make something else. */
const version = "gantry-step-1";

/** What every step depends on. */
type Common = {
  /** Of the state before. */
  readonly chain: readonly DiffID[];
  /** Seconds since 1970; null: times are what they are. */
  readonly epoch: number | null;
};

export type RunInputs = Common & {
  /** With the shell, expanded where docker expands. */
  readonly args: readonly string[];
  /** A heredoc that is run as a program. */
  readonly script: string | null;
  /** ENV and the ARGs in effect, without proxies. */
  readonly environment: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  readonly mounts: readonly MountInputs[];
  readonly network: string;
  readonly isPrivileged: boolean;
  readonly extraHosts: readonly { readonly name: string; readonly address: string }[];
};

/** A mount of RUN; of what it shows only a digest. Values of secrets are never part of it. */
export type MountInputs = { readonly mount: RunMount; readonly content: Digest | null };

export type FileInputs = Common & {
  readonly name: "ADD" | "COPY";
  readonly target: string;
  readonly workingDirectory: string;
  readonly chown: string | null;
  readonly chmod: string | null;
  readonly link: boolean;
  readonly parents: boolean;
  readonly unpack: boolean;
  readonly sources: readonly string[];
  /** Of exactly the files that are read. */
  readonly content: Digest;
};

export type DirectoryInputs = Common & { readonly path: string; readonly user: string };

/** The key of a RUN. */
export function runKey(inputs: RunInputs): Digest {
  const { args, script, environment, user, workingDirectory, network, isPrivileged, extraHosts } = inputs;
  const hosts = extraHosts.map(({ name, address }) => [name, address]);
  const mounts = inputs.mounts.map(({ mount, content }) => [canonicalMount(mount), content]);
  return key("run", inputs, [args, script, environment, user, workingDirectory, mounts, network, isPrivileged, hosts]);
}

/** The key of a COPY or an ADD. */
export function fileKey(inputs: FileInputs): Digest {
  const { name, target, workingDirectory, chown, chmod, link, parents, unpack, sources, content } = inputs;
  return key(name.toLowerCase(), inputs, [
    target,
    // An absolute target lies where it lies.
    target.startsWith("/") ? null : workingDirectory,
    chown,
    chmod,
    link,
    parents,
    unpack,
    sources,
    content,
  ]);
}

/** The key of a WORKDIR. */
export function directoryKey(inputs: DirectoryInputs): Digest {
  return key("workdir", inputs, [inputs.path, inputs.user]);
}

function key(kind: string, { chain, epoch }: Common, inputs: readonly unknown[]): Digest {
  return sha256(JSON.stringify([version, kind, chainIDOf(chain), epoch, ...inputs]));
}

function canonicalMount(mount: RunMount): unknown[] {
  return Object.entries(mount).sort(([one], [other]) => (one < other ? -1 : 1));
}
