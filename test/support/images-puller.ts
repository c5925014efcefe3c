/** Pulls an image, and waits to be killed: `images-puller.ts ROOT REFERENCE`. */
import { openImagesEngine, quietWork } from "./images-engine.ts";
import { pullOf } from "./images-registry.ts";

const [root = "", reference = ""] = process.argv.slice(2);
const engine = await openImagesEngine(root);
process.stdout.write("ready\n");
await engine.images.pull(pullOf(reference), quietWork);
process.stdout.write("pulled\n");
setInterval(() => {}, 60_000);
