import { type Dashboard, flash } from "../../app/dashboard.ts";
import { firstKeyOf, pressHint } from "../../keymap/keymap.ts";
import type { Browsed, CompareScreen } from "../../store/browser.ts";
import { openPaged } from "../../store/paged.ts";
import { selectedContainer, selectedImage } from "../../store/selectors.ts";
import { compareKey } from "./actions.ts";
import { browsedImage, layersOf } from "./open-tree.ts";

/** Puts two side by side: both that are marked, the marked one and the one under the cursor, or a container and its image. */
export async function compare(dashboard: Dashboard): Promise<void> {
  const sides = sidesOf(dashboard);
  if (sides === null) {
    flash(dashboard, {
      tone: "info",
      message: "nothing to compare it with",
      hint: hintOf(dashboard),
    });
    return;
  }
  const [left, right] = sides;
  const screen: CompareScreen = {
    kind: "compare",
    left,
    right,
    contains: "",
    list: openPaged(compareKey(left, right, "")),
    layers: null,
    known: new Map(),
  };
  dashboard.browser.dispatch({ type: "open", screen });
  // Sizes of layers adorn; what differs is told without them.
  for (const side of sides) {
    layersOf(dashboard, side).then(
      (layers) => dashboard.browser.dispatch({ type: "layers", layers }),
      () => undefined,
    );
  }
}

function hintOf({ keymap }: Dashboard): string {
  const mark = firstKeyOf(keymap, "mark.toggle");
  const again = pressHint(keymap, "files.compare", "again");
  return mark === null || again === "" ? "" : `mark another one with ${mark}, then ${again}`;
}

/** The older way of looking first: the image a container was made of is at its left. */
function sidesOf(dashboard: Dashboard): readonly [Browsed, Browsed] | null {
  const mirror = dashboard.mirror.get();
  const ui = dashboard.ui.get();
  const marked: Browsed[] = [
    ...mirror.images.filter(({ id }) => ui.marks.images.includes(id)).map(browsedImage),
    ...mirror.containers.filter(({ id }) => ui.marks.containers.includes(id)).map(browsedContainer),
  ];
  const [first, second, third] = marked;
  if (third !== undefined) return null;
  if (first !== undefined && second !== undefined) return [first, second];
  const container = ui.focus === "containers" ? selectedContainer(mirror, ui) : null;
  const image = ui.focus === "images" ? selectedImage(mirror, ui) : null;
  const here = container === null ? (image === null ? null : browsedImage(image)) : browsedContainer(container);
  if (here === null) return null;
  if (first !== undefined) return first.id === here.id ? null : [first, here];
  return container === null ? null : [imageOf(dashboard, container), here];
}

function browsedContainer({ id, name }: { readonly id: string; readonly name: string }): Browsed {
  return { type: "container", id, name };
}

function imageOf(
  dashboard: Dashboard,
  { imageID, image }: { readonly imageID: string; readonly image: string },
): Browsed {
  const known = dashboard.mirror.get().images.find(({ id }) => id === imageID);
  return known === undefined ? { type: "image", id: imageID, name: image } : browsedImage(known);
}
