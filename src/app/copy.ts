import { screenText } from "../format/screen-text.ts";
import { targetOf } from "../panes/containers/actions.ts";
import { copiedPath, topScreen } from "../panes/files/actions.ts";
import { imageName } from "../panes/images/actions.ts";
import {
  selectedContainer,
  selectedLayer,
  targetContainers,
  targetImages,
  targetNetworks,
  targetVolumes,
} from "../store/selectors.ts";
import { type Dashboard, flash } from "./dashboard.ts";

/** Puts what is selected on the clipboard of the terminal: names, a digest, a path. */
export function copy(dashboard: Dashboard): void {
  const text = copyText(dashboard);
  if (text === "") {
    flash(dashboard, { tone: "info", message: "there is nothing to copy" });
    return;
  }
  dashboard.terminal.copy(text);
  flash(dashboard, { tone: "ok", message: `copied ${text.replaceAll("\n", ", ")}` });
}

function copyText(dashboard: Dashboard): string {
  const screen = topScreen(dashboard);
  if (screen !== null) return copiedPath(screen);
  const mirror = dashboard.mirror.get();
  const ui = dashboard.ui.get();
  switch (ui.focus) {
    case "images":
      return targetImages(mirror, ui).map(imageName).join("\n");
    case "networks":
      return targetNetworks(mirror, ui)
        .map(({ name }) => screenText(name))
        .join("\n");
    case "volumes":
      return targetVolumes(mirror, ui)
        .map(({ name }) => screenText(name))
        .join("\n");
    case "layers":
      return selectedLayer(mirror, ui)?.diffID || (selectedContainer(mirror, ui)?.id ?? "");
    default:
      return targetContainers(mirror, ui)
        .map((container) => targetOf(container).name)
        .join("\n");
  }
}
