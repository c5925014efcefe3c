import { statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { describe } from "../../app/run-on-each.ts";
import { openArchiveOutput } from "../../cli/archive-output.ts";
import { download } from "../../client/download.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { splitImageName } from "../../format/image-name.ts";
import { screenText } from "../../format/screen-text.ts";
import { targetImages } from "../../store/selectors.ts";
import { inputOf } from "../../store/text-input.ts";

import { imageName } from "./actions.ts";
import { doWork } from "./own-work.ts";

/** Asks for the file that the marked images, or the one under the cursor, shall be written to. */
export function openSave(dashboard: Dashboard): void {
  const found = targetImages(dashboard.mirror.get(), dashboard.ui.get());
  const [image] = found;
  if (image === undefined) {
    flash(dashboard, { tone: "info", message: "no image is selected" });
    return;
  }
  const names = found.map((one) => one.references[0] ?? one.id);
  const file = found.length === 1 ? fileNameOf(names[0] ?? "") : "images.tar";
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "line",
      label: `save ${describe(found.map((one) => ({ id: one.id, name: imageName(one) })))} to`,
      command: "image.save",
      targets: names,
      input: inputOf(screenText(join(process.cwd(), file))),
      offer: "",
    },
  });
}

/** `registry:5000/team/web:1.2` to `web-1.2.tar` */
export function fileNameOf(reference: string): string {
  if (reference.startsWith("sha256:")) return `${shortID(reference)}.tar`;
  const { repository, tag } = splitImageName(reference);
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  return `${tag === "" ? name : `${name}-${tag}`}.tar`.replace(/[^\w.+-]/g, "-");
}

/** Where a file is there already it asks first. */
export async function save(dashboard: Dashboard, images: readonly string[], text: string): Promise<void> {
  if (text.trim() === "") return;
  const path = pathOf(text.trim());
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return writeSaved(dashboard, [path, ...images]);
  const age = found.size === 0 ? "an empty file" : formatBytes(found.size);
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `replace ${screenText(path)} (${age})?`,
      command: "image.save",
      targets: [path, ...images],
    },
  });
}

function pathOf(text: string): string {
  return text === "~" || text.startsWith("~/") ? join(homedir(), text.slice(1)) : resolve(text);
}

/** The first target is the path. */
export async function writeSaved(dashboard: Dashboard, [path = "", ...images]: readonly string[]): Promise<void> {
  const what = images.map((name) => screenText(name)).join(" ");
  await doWork(dashboard, `save ${what}`, async () => {
    await using archive = await openArchiveOutput("save", path);
    const { bytes } = await download(
      dashboard.client,
      (chunk) => archive.write(chunk),
      (streamID) =>
        dashboard.client.request("images.save", { images: [...images], streamID, format: "docker-archive" }),
    );
    await archive.keep();
    flash(dashboard, {
      tone: "ok",
      message: `saved ${what}, ${formatBytes(bytes)}`,
      twin: `gantry save -o ${screenText(path)} ${what}`,
    });
  });
}
