import type { ImageSummary } from "../../../engine/protocol/images.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { familiarName, splitImageName, withDefaultTag } from "../../format/image-name.ts";
import { screenText } from "../../format/screen-text.ts";
import { firstKeyOf } from "../../keymap/keymap.ts";
import { selectedImage } from "../../store/selectors.ts";
import { inputOf } from "../../store/text-input.ts";
import { imageName } from "./actions.ts";
import { credentialsFor, doWork } from "./own-work.ts";

/** Nobody but docker itself may push these. */
function isOfficial(reference: string): boolean {
  const { registry, repository } = splitImageName(reference);
  return registry === "docker.io" && repository.startsWith("library/");
}

/** Asks whether the image under the cursor shall go to its registry; first under which of its names, where it has several. */
export function askPush(dashboard: Dashboard): void {
  const image = selectedImage(dashboard.mirror.get(), dashboard.ui.get());
  const names = image?.references.filter((name) => !isOfficial(name)) ?? [];
  if (image === null || names.length === 0) refuse(dashboard, image);
  else if (names.length === 1) askPushOf(dashboard, names[0] ?? "");
  else {
    const ordered = names.toSorted((one, other) => Number(isKnown(image, one)) - Number(isKnown(image, other)));
    const prompt = { kind: "line", label: "push", command: "image.push", targets: ordered, offer: "" } as const;
    dashboard.ui.dispatch({ type: "prompt", prompt: { ...prompt, input: inputOf(ordered[0] ?? "") } });
  }
}

/** True where the name's repository has had it before. What is new there is more likely meant. */
function isKnown({ digests }: ImageSummary, name: string): boolean {
  const { registry, repository } = splitImageName(name);
  return digests.map(splitImageName).some((one) => one.registry === registry && one.repository === repository);
}

export function askPushOf(dashboard: Dashboard, text: string): void {
  const reference = text.trim();
  if (reference === "") return;
  const name = splitImageName(reference);
  const path = familiarName({ ...name, registry: "docker.io" });
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `push ${screenText(path)} to ${screenText(name.registry)}?`,
      command: "image.push",
      targets: [reference],
    },
  });
}

function refuse(dashboard: Dashboard, image: ImageSummary | null): void {
  if (image === null) {
    flash(dashboard, { tone: "info", message: "no image is selected" });
    return;
  }
  const isNamed = image.references.length > 0;
  const message = isNamed ? `${imageName(image)} names no registry of your own` : "it has no name to push";
  const key = firstKeyOf(dashboard.keymap, "image.tag");
  const how = key === null ? "tag it" : `${key} gives it another name`;
  flash(dashboard, { tone: "warn", message, hint: `${how}, such as registry.example.com/web:1` });
}

export async function push(dashboard: Dashboard, [reference = ""]: readonly string[]): Promise<void> {
  const shown = screenText(reference);
  await doWork(dashboard, `push ${shown}`, async () => {
    const credentials = await credentialsFor(dashboard, splitImageName(reference).registry);
    await dashboard.client.request("images.push", { reference, allTags: false, credentials });
    flash(dashboard, { tone: "ok", message: `pushed ${shown}`, twin: `gantry push ${shown}` });
  });
}

/** Asks for another name of the image under the cursor. */
export function openTag(dashboard: Dashboard): void {
  const image = selectedImage(dashboard.mirror.get(), dashboard.ui.get());
  if (image === null) {
    flash(dashboard, { tone: "info", message: "no image is selected" });
    return;
  }
  const [reference = ""] = image.references;
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "line",
      label: `tag ${imageName(image)} as`,
      command: "image.tag",
      targets: [image.id],
      input: inputOf(screenText(reference)),
      offer: "",
    },
  });
}

/** Asks first where the name is another image's, which would lose it. */
export async function tag(dashboard: Dashboard, [id = ""]: readonly string[], text: string): Promise<void> {
  const reference = text.trim();
  if (reference === "") return;
  const { images } = dashboard.mirror.get();
  const name = withTag(reference);
  const loser = images.find((image) => image.id !== id && image.references.includes(name));
  if (loser === undefined) return confirmTag(dashboard, [id, reference]);
  const left = loser.references.length > 1 ? "" : ", which then has no name";
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `take ${screenText(name)} from another image${left}?`,
      command: "image.tag",
      targets: [id, reference],
    },
  });
}

function withTag(reference: string): string {
  return familiarName(withDefaultTag(splitImageName(reference)));
}

export async function confirmTag(dashboard: Dashboard, [image = "", reference = ""]: readonly string[]): Promise<void> {
  const tagged = dashboard.mirror.get().images.find(({ id }) => id === image);
  const before = tagged === undefined ? image : imageName(tagged);
  await dashboard.client.request("images.tag", { image, reference });
  const shown = screenText(withTag(reference));
  flash(dashboard, { tone: "ok", message: `${before} is ${shown} as well`, twin: `gantry tag ${before} ${shown}` });
}
