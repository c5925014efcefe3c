import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { describe, runOnEach, type Target } from "../../app/run-on-each.ts";
import { screenText } from "../../format/screen-text.ts";
import { pressHint } from "../../keymap/keymap.ts";
import { isLive } from "../../store/mirror.ts";
import { targetContainers } from "../../store/selectors.ts";

/** What can be done to containers: to the marked ones, else to the one under the cursor. */

function targets(dashboard: Dashboard): readonly ContainerSummary[] {
  const found = targetContainers(dashboard.mirror.get(), dashboard.ui.get());
  if (found.length === 0) {
    const hint = pressHint(dashboard.keymap, "container.create", "on an image to make one");
    flash(dashboard, { tone: "info", message: "no container is selected", hint });
  }
  return found;
}

export function targetOf(container: ContainerSummary): Target {
  return { id: container.id, name: screenText(container.name) };
}

/** Stops when any of them runs, else starts: marks with both kinds shall not swap places. */
export async function toggle(dashboard: Dashboard): Promise<void> {
  const found = targets(dashboard);
  const running = found.filter(isLive);
  if (running.length > 0) {
    await runOnEach(dashboard, running.map(targetOf), {
      doing: "stopping",
      done: "stopped",
      twin: "gantry stop",
      isPatient: true,
      act: ({ id }) => dashboard.client.request("containers.stop", { container: id, timeout: null }),
    });
    return;
  }
  await runOnEach(dashboard, found.map(targetOf), {
    doing: "starting",
    done: "started",
    twin: "gantry start",
    act: ({ id }) => dashboard.client.request("containers.start", { container: id }),
  });
}

export function restart(dashboard: Dashboard): Promise<void> {
  return runOnEach(dashboard, targets(dashboard).map(targetOf), {
    doing: "restarting",
    done: "restarted",
    twin: "gantry restart",
    isPatient: true,
    act: ({ id }) => dashboard.client.request("containers.restart", { container: id, timeout: null }),
  });
}

export async function pause(dashboard: Dashboard): Promise<void> {
  const found = targets(dashboard);
  const running = found.filter((container) => container.status === "running");
  if (running.length > 0) {
    await runOnEach(dashboard, running.map(targetOf), {
      doing: "pausing",
      done: "paused",
      twin: "gantry pause",
      act: ({ id }) => dashboard.client.request("containers.pause", { container: id }),
    });
    return;
  }
  const paused = found.filter((container) => container.status === "paused");
  if (paused.length === 0 && found.length > 0) {
    flash(dashboard, { tone: "info", message: `${describe(found.map(targetOf))}: not running, nothing to pause` });
  }
  await runOnEach(dashboard, paused.map(targetOf), {
    doing: "resuming",
    done: "resumed",
    twin: "gantry unpause",
    act: ({ id }) => dashboard.client.request("containers.unpause", { container: id }),
  });
}

export function askKill(dashboard: Dashboard): void {
  const running = targets(dashboard).filter(isLive);
  if (running.length === 0) {
    flash(dashboard, { tone: "info", message: "not running, nothing to kill" });
    return;
  }
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `kill ${nouns(running)}?`,
      command: "container.kill",
      targets: running.map((container) => container.id),
    },
  });
}

export async function kill(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  await runOnEach(dashboard, stillThere(dashboard, ids).map(targetOf), {
    doing: "killing",
    done: "killed",
    twin: "gantry kill",
    act: ({ id }) => dashboard.client.request("containers.kill", { container: id, signal: "SIGKILL" }),
  });
}

export function askDelete(dashboard: Dashboard): void {
  const found = targets(dashboard);
  if (found.length === 0) return;
  const running = found.filter(isLive).length;
  const warning = running === 0 ? "" : found.length === 1 ? " (it is running)" : ` (${running} of them running)`;
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "confirm",
      question: `delete ${nouns(found)}${warning}?`,
      command: "object.delete",
      targets: found.map((container) => container.id),
    },
  });
}

export async function remove(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  await runOnEach(dashboard, stillThere(dashboard, ids).map(targetOf), {
    doing: "deleting",
    done: "deleted",
    twin: "gantry rm -f",
    act: ({ id }) => dashboard.client.request("containers.remove", { container: id, force: true, volumes: false }),
  });
  dashboard.ui.dispatch({ type: "unmark", pane: "containers", ids });
}

function stillThere(dashboard: Dashboard, ids: readonly string[]): readonly ContainerSummary[] {
  return dashboard.mirror.get().containers.filter((container) => ids.includes(container.id));
}

function nouns(containers: readonly ContainerSummary[]): string {
  const names = describe(containers.map(targetOf));
  return containers.length === 1 ? `container ${names}` : `${containers.length} containers (${names})`;
}
