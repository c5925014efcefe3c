import type { LayersResult } from "../../../engine/protocol/images.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { asked, type Browsed, type TreeScreen } from "../../store/browser.ts";
import { openPaged } from "../../store/paged.ts";
import { selectedContainer, selectedImage, selectedLayer, selectedVolume } from "../../store/selectors.ts";
import { type LayerRow, layerRows } from "../layers/rows.ts";
import { volumeName } from "../volumes/view-model.ts";

/** What opens the file browser. */

/** The files of what the cursor is on in the pane that has the focus. */
export async function browse(dashboard: Dashboard): Promise<void> {
  const mirror = dashboard.mirror.get();
  const ui = dashboard.ui.get();
  if (ui.focus === "layers") return browseLayer(dashboard);
  const container = ui.focus === "containers" ? selectedContainer(mirror, ui) : null;
  const image = ui.focus === "images" ? selectedImage(mirror, ui) : null;
  const volume = ui.focus === "volumes" ? selectedVolume(mirror, ui) : null;
  if (container !== null) {
    const browsed = { type: "container", id: container.id, name: container.name } as const;
    await openTree(dashboard, browsed, { layer: null });
  } else if (image !== null) {
    await openTree(dashboard, browsedImage(image), { layer: null });
  } else if (volume !== null) {
    await openTree(
      dashboard,
      { type: "volume", id: volume.id, name: volumeName(volume) },
      { layer: null, isWhole: true },
    );
  } else flash(dashboard, { tone: "info", message: `no ${ui.focus.replace(/s$/, "")} is selected` });
}

export async function browseLayer(dashboard: Dashboard): Promise<void> {
  const mirror = dashboard.mirror.get();
  const row = selectedLayer(mirror, dashboard.ui.get());
  const [type = "", id = ""] = mirror.layers.key.split(" ");
  if (row === null) {
    flash(dashboard, { tone: "info", message: "no layer is selected" });
    return;
  }
  const container = mirror.containers.find((other) => other.id === id);
  const image = mirror.images.find((other) => other.id === id);
  if (type === "container") {
    await openTree(dashboard, { type, id, name: container?.name ?? shortID(id) }, { layer: row.order - 1 });
  } else
    await openTree(dashboard, image === undefined ? { type: "image", id, name: id } : browsedImage(image), {
      layer: row.order - 1,
    });
}

export function browsedImage({
  id,
  references,
}: {
  readonly id: string;
  readonly references: readonly string[];
}): Browsed {
  return { type: "image", id, name: references[0] ?? shortID(id) };
}

/** A directory of all that an image or a container shows. */
export function openDirectory(dashboard: Dashboard, browsed: Browsed, path: string): Promise<void> {
  return openTree(dashboard, browsed, { layer: null, path, isWhole: true });
}

/** `layer`: the one that is meant; null: all of an image, or what a container wrote. `isWhole`: with all below it. */
async function openTree(
  dashboard: Dashboard,
  browsed: Browsed,
  {
    layer,
    path = "/",
    isWhole = false,
  }: { readonly layer: number | null; readonly path?: string; readonly isWhole?: boolean },
): Promise<void> {
  const layers = await layersOf(dashboard, browsed);
  if (layers.length === 0) {
    flash(dashboard, { tone: "info", message: `${screenText(browsed.name)} has no layers` });
    return;
  }
  const top = layers.length - 1;
  const isOwn = !isWhole && layers[layer ?? top]?.kind === "writable";
  const screen: TreeScreen = {
    kind: "files",
    browsed,
    layers,
    choice: { layer: layer ?? top, view: layer !== null || isOwn ? "layer" : "upTo" },
    order: isOwn ? "size" : "directories",
    filter: { contains: "", minimumSize: 0, changed: false },
    path,
    list: openPaged(""),
    trail: [],
    growth: null,
    live: null,
    lookedAt: 0,
    shown: null,
    isSlow: false,
  };
  dashboard.browser.dispatch({ type: "open", screen: asked(screen, {}) });
}

/** A volume has no layers: one stands for all that is in it. */
const volumeRow: LayerRow = {
  id: "volume",
  kind: "writable",
  order: 1,
  diffID: "",
  size: 0,
  command: "",
  comment: "",
  createdAt: "",
  sharedBy: [],
};

/** Lowest first. What the layers pane shows needs not to be asked for. */
export async function layersOf(dashboard: Dashboard, { type, id }: Browsed): Promise<readonly LayerRow[]> {
  if (type === "volume") return [volumeRow];
  const { key, result } = dashboard.mirror.get().layers;
  const known = key === `${type} ${id}` ? result : null;
  return layerRows(known ?? (await requestLayers(dashboard, { type, id }))).toReversed();
}

function requestLayers({ client }: Dashboard, { type, id }: Pick<Browsed, "type" | "id">): Promise<LayersResult> {
  return type === "image"
    ? client.request("layers.ofImage", { image: id })
    : client.request("layers.ofContainer", { container: id });
}
