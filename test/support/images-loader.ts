/** Loads an archive and removes its images, over and over, until it is killed: `images-loader.ts ROOT ARCHIVE`. */
import { openImagesEngine } from "./images-engine.ts";

const [root = "", archive = ""] = process.argv.slice(2);
const engine = await openImagesEngine(root);
process.stdout.write("ready\n");
for (;;) {
  for (const { references } of await engine.loadFile(archive)) {
    for (const reference of references) await engine.images.remove(reference, false);
  }
}
