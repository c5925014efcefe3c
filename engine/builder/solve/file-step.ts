import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { CopyWish, LooseFile } from "../copy/file-copier.ts";
import type { FileInstruction } from "../dockerfile/types.ts";
import type { Build } from "./build.ts";
import { makeLayer } from "./make-layer.ts";
import { copyFiles, readFiles, untilUnchanged } from "./sources.ts";
import { type StageState, workingDirectoryOf } from "./stage-state.ts";
import { fileKey } from "./step-key.ts";
import type { StepPosition } from "./step-position.ts";
import { newWritableKey } from "./views.ts";
import { withLayer } from "./with-layer.ts";

/** Modes of files that came by a URL and out of the Dockerfile, as docker has them. */
const heredocMode = 0o644;
const fetchedMode = 0o600;

/** One COPY or ADD whose variables are expanded. */
export async function fileStep(
  build: Build,
  state: StageState,
  step: { readonly instruction: FileInstruction } & StepPosition,
): Promise<StageState> {
  const { instruction, position } = step;
  const { wish, needsTree } = await wishOf(build, state, instruction);
  const source = needsTree ? await step.findSource(instruction.from) : null;
  const made = await untilUnchanged(async () => {
    const read = await readFiles(build, source, wish);
    return makeLayer(build, {
      key: fileKey({ ...wish, name: instruction.name, chain: state.chain, epoch: build.epoch, content: read.digest }),
      chain: state.chain,
      stepID: position.stepID,
      description: instruction.text,
      isFresh: position.isFresh,
      make: async (rootfs) => {
        await copyFiles(build, { source, wish, read }, { rootfs, stepID: position.stepID });
        return [];
      },
    });
  });
  return withLayer(state, made, describe(instruction));
}

async function wishOf(build: Build, state: StageState, instruction: FileInstruction) {
  const files: LooseFile[] = [];
  const sources: string[] = [];
  const heredocs = [...instruction.heredocs];
  for (const source of instruction.sources) {
    const heredoc = source.startsWith("<<") ? heredocs.shift() : undefined;
    if (heredoc !== undefined) {
      const { name, content } = heredoc;
      files.push({ name, content: { text: content }, modifiedAt: build.epoch, mode: heredocMode });
    } else if (instruction.name === "ADD" && isRemote(source)) {
      files.push(await fetchFile(build, source, instruction));
    } else sources.push(source);
  }
  const wish: CopyWish = {
    sources,
    files,
    target: instruction.target,
    workingDirectory: workingDirectoryOf(state.config),
    chown: instruction.chown,
    chmod: instruction.chmod,
    parents: instruction.parents,
    excludes: instruction.excludes,
    unpack: instruction.unpack ?? instruction.name === "ADD",
    link: instruction.link,
    what: instruction.text,
  };
  return { wish, needsTree: sources.length > 0 };
}

export function isRemote(source: string): boolean {
  return /^(?:https?:\/\/|git:\/\/|git@|ssh:\/\/|github\.com\/)/i.test(source);
}

async function fetchFile(build: Build, url: string, instruction: FileInstruction): Promise<LooseFile> {
  const directory = join(build.scratch, newWritableKey());
  await mkdir(directory, { mode: 0o700 });
  const file = await build.parts.fetchRemote(url, {
    directory,
    signal: build.signal,
    checksum: instruction.checksum,
    keepGitDirectory: instruction.keepGitDirectory,
  });
  const { path, name, isDirectory, modifiedAt } = file;
  const unpack = instruction.unpack === true;
  return { name, content: { path }, modifiedAt, mode: fetchedMode, isDirectory, unpack };
}

/** BuildKit's entry of the history (frontend/dockerfile/dockerfile2llb/convert.go, dispatchCopy). */
function describe({ name, parents, chown, chmod, link, sources, target }: FileInstruction): string {
  const flags = [
    ...(parents ? ["--parents"] : []),
    ...(chown === null ? [] : [`--chown=${chown}`]),
    ...(chmod === null ? [] : [`--chmod=${chmod}`]),
    ...(link ? ["--link"] : []),
  ];
  return [name, ...flags, ...sources, target, "# buildkit"].join(" ");
}
