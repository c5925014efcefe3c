/** An engine's part that runs a build's command until it is killed: `step-host.ts DIRECTORY SHELL`. Tells the step's id when the command speaks. */
import { createID, openStepScene } from "./build-steps.ts";

const [directory = "", shell = ""] = process.argv.slice(2);
setInterval(() => {}, 60_000);
const scene = await openStepScene(directory);
const id = createID();
const { rootfs } = await scene.writable();
const content = Buffer.from("secret");
await scene.runner.run(
  scene.wish(rootfs, {
    id,
    shell,
    mounts: [{ type: "secret", content, target: "/run/secrets/a", mode: 0o400, uid: 0, gid: 0 }],
    cgroupParent: `${scene.config.names.cgroupParent}-builds/below`,
  }),
  { signal: new AbortController().signal, onOutput: () => void process.stdout.write(`${id}\n`) },
);
