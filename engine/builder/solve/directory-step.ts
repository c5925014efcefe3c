import { resolveUser } from "../../runtime/spec/user.ts";
import { change, nextWorkingDirectory } from "./apply-instruction.ts";
import type { Build } from "./build.ts";
import { makeLayer } from "./make-layer.ts";
import type { StageState } from "./stage-state.ts";
import { directoryKey } from "./step-key.ts";
import type { StepPosition } from "./step-position.ts";
import { withLayer } from "./with-layer.ts";

/** WORKDIR: the directory is made where it is missing, and belongs to the user of the moment, as BuildKit has it. */
export async function directoryStep(
  build: Build,
  state: StageState,
  { value, text, position }: { readonly value: string; readonly text: string } & Pick<StepPosition, "position">,
): Promise<StageState> {
  const path = nextWorkingDirectory(state, value);
  const createdBy = `WORKDIR ${path}`;
  if (path === "/") {
    build.log.end(position.stepID, { status: "done" });
    return change(state, { WorkingDir: path }, createdBy);
  }
  const user = state.config.User ?? "";
  const made = await makeLayer(build, {
    key: directoryKey({ chain: state.chain, epoch: build.epoch, path, user }),
    chain: state.chain,
    stepID: position.stepID,
    description: text,
    isFresh: position.isFresh,
    make: async (rootfs) => {
      const owner = user === "" ? null : await resolveUser(rootfs, user, []);
      await build.parts.copier.makeDirectory(rootfs, path, owner);
      return [];
    },
  });
  const next = withLayer(state, made, createdBy);
  return { ...next, config: { ...next.config, WorkingDir: path } };
}
