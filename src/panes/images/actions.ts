import type { ImageSummary } from "../../../engine/protocol/images.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { describe, runOnEach, type Target } from "../../app/run-on-each.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Form } from "../../store/form.ts";
import { selectedContainer, selectedImage, targetImages } from "../../store/selectors.ts";
import { openForm, submitting } from "../forms/submit.ts";
import { createForm, createTwin, requestOf } from "./create-request.ts";

export function imageName(image: ImageSummary): string {
  return screenText(image.references[0] ?? shortID(image.id));
}

export function askDelete(dashboard: Dashboard): void {
  const found = targetImages(dashboard.mirror.get(), dashboard.ui.get());
  if (found.length === 0) {
    flash(dashboard, { tone: "info", message: "no image is selected" });
    return;
  }
  const names = describe(found.map(targetOf));
  const [only] = found;
  const others = found.length === 1 && only !== undefined ? only.references.length - 1 : 0;
  const noun = found.length === 1 ? "image" : `${found.length} images:`;
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `delete ${noun} ${names}${others > 0 ? ` and its ${others} other ${others === 1 ? "name" : "names"}` : ""}?`,
      command: "object.delete",
      targets: found.map((image) => image.id),
    },
  });
}

export async function remove(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  const found = dashboard.mirror.get().images.filter((image) => ids.includes(image.id));
  await runOnEach(dashboard, found.map(targetOf), {
    doing: "deleting",
    done: "deleted",
    twin: "gantry rmi",
    act: async ({ id }) => {
      // Each name in turn: an image with several is not to be removed by its id without force.
      const names = found.find((image) => image.id === id)?.references ?? [];
      for (const image of names.length > 0 ? names : [id]) {
        await dashboard.client.request("images.remove", { image, force: false });
      }
    },
  });
  dashboard.ui.dispatch({ type: "unmark", pane: "images", ids });
}

/** Opens the form for a container: of the image under the cursor, or of the one that the selected container has. */
export function openCreateForm(dashboard: Dashboard): void {
  const mirror = dashboard.mirror.get();
  const ui = dashboard.ui.get();
  const container = ui.focus === "containers" ? selectedContainer(mirror, ui) : null;
  const used = mirror.images.find((image) => image.id === container?.imageID);
  const image = used ?? selectedImage(mirror, ui);
  if (image === null) {
    flash(dashboard, {
      tone: "info",
      message: "there is no image to make a container of",
      hint: "gantry import, gantry load",
    });
    return;
  }
  const ports = image.exposedPorts.map((port) => screenText(port).replace(/\/tcp$/, "")).join(" ");
  const networks = mirror.networks.map(({ name }) => screenText(name));
  openForm(dashboard, createForm(image.references[0] ?? image.id, ports, networks));
}

/** Creates and starts what the form says. */
export function createContainer(dashboard: Dashboard, form: Form): Promise<void> {
  return submitting(dashboard, form, async () => {
    const request = requestOf(form, process.cwd());
    const { id, warnings } = await dashboard.client.request("containers.create", request);
    await startNew(dashboard, id);
    dashboard.ui.dispatchAll([
      { type: "focus", pane: "containers" },
      { type: "select", pane: "containers", selection: { id, index: 0 } },
    ]);
    return { message: `started a container of ${form.name}`, twin: createTwin(form), warnings };
  });
}

/** What cannot be started is taken away again: the form still has its values, and the next try needs its name. */
async function startNew(dashboard: Dashboard, id: string): Promise<void> {
  try {
    await dashboard.client.request("containers.start", { container: id });
  } catch (cause) {
    const remove = { container: id, force: true, volumes: false };
    await dashboard.client.request("containers.remove", remove).catch(() => undefined);
    throw cause;
  }
}

function targetOf(image: ImageSummary): Target {
  return { id: image.id, name: imageName(image) };
}
