import { type Dashboard, flash } from "../../app/dashboard.ts";
import { describe, runOnEach, type Target } from "../../app/run-on-each.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Volume } from "../../store/mirror.ts";
import { selectedVolume, targetVolumes, usersOfVolume } from "../../store/selectors.ts";
import { showUsers } from "../networks/actions.ts";
import { volumeName } from "./view-model.ts";

/** What can be done to volumes: to the marked ones, else to the one under the cursor. */

function targetOf(volume: Volume): Target {
  return { id: volume.id, name: volumeName(volume) };
}

/** Asks, and says how much would be lost. What is in use cannot go. */
export function askDelete(dashboard: Dashboard): void {
  const mirror = dashboard.mirror.get();
  const found = targetVolumes(mirror, dashboard.ui.get());
  const [used] = found.filter((volume) => usersOfVolume(mirror, volume).length > 0);
  if (found.length === 0) flash(dashboard, { tone: "info", message: "no volume is selected" });
  else if (used !== undefined) {
    const users = describe(usersOfVolume(mirror, used).map(({ id, name }) => ({ id, name: screenText(name) })));
    const message = `${volumeName(used)} is in use by ${users}`;
    flash(dashboard, { tone: "warn", message, hint: "delete the container first; what is in the volume stays" });
  } else {
    const names = describe(found.map(targetOf));
    const what = found.length === 1 ? `volume ${names}` : `${found.length} volumes (${names})`;
    const question = `delete ${what} ${lossOf(found)}?`;
    const targets = found.map(({ id }) => id);
    dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "confirm", question, command: "object.delete", targets } });
  }
}

function lossOf(volumes: readonly Volume[]): string {
  const bytes = volumes.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const whose = volumes.length === 1 ? "its" : "their";
  return bytes > 0 ? `and ${whose} ${formatBytes(bytes)} of data` : `and all ${whose} data`;
}

export async function remove(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  const found = dashboard.mirror.get().volumes.filter(({ id }) => ids.includes(id));
  await runOnEach(dashboard, found.map(targetOf), {
    doing: "deleting",
    done: "deleted",
    twin: "gantry volume rm",
    act: ({ id }) => dashboard.client.request("volumes.remove", { volume: id, force: false }),
  });
  dashboard.ui.dispatch({ type: "unmark", pane: "volumes", ids });
}

export function showVolumeUsers(dashboard: Dashboard): void {
  const mirror = dashboard.mirror.get();
  const volume = selectedVolume(mirror, dashboard.ui.get());
  if (volume !== null) showUsers(dashboard, "volume", volume.name, usersOfVolume(mirror, volume).length);
}
