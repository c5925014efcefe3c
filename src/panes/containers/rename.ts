import { type Dashboard, flash } from "../../app/dashboard.ts";
import { screenText } from "../../format/screen-text.ts";
import { selectedContainer } from "../../store/selectors.ts";
import { inputOf } from "../../store/text-input.ts";

/** Asks what the container under the cursor shall be called. */
export function askName(dashboard: Dashboard): void {
  const container = selectedContainer(dashboard.mirror.get(), dashboard.ui.get());
  if (container === null) {
    flash(dashboard, { tone: "info", message: "no container is selected" });
    return;
  }
  const name = screenText(container.name);
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "line",
      label: `rename ${name} to`,
      command: "container.rename",
      targets: [container.id, name],
      input: inputOf(name),
      offer: "",
    },
  });
}

export async function rename(
  dashboard: Dashboard,
  [container = "", before = ""]: readonly string[],
  text: string,
): Promise<void> {
  const name = text.trim();
  if (name === "" || name === before) return;
  await dashboard.client.request("containers.rename", { container, name });
  const shown = screenText(name);
  flash(dashboard, { tone: "ok", message: `${before} is ${shown} now`, twin: `gantry rename ${before} ${shown}` });
}
