import { randomUUID } from "node:crypto";
import type { BuildSummary } from "../../../engine/protocol/builds.ts";
import { emptyCreateRequest } from "../../../engine/protocol/defaults.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { flashError } from "../../app/run-on-each.ts";
import { stepIndex } from "../../store/builds.ts";
import { selectedIndex } from "../../store/selectors.ts";
import type { BuildsView } from "../../store/ui.ts";
import { type ContainerToRun, runInTerminal } from "../containers/terminal-actions.ts";
import { logLength } from "./builds-view.ts";
import { buildName } from "./view-model.ts";

export function openBuilds(dashboard: Dashboard): void {
  show(dashboard, { kind: "builds", level: "list", build: { id: null, index: 0 }, step: null, back: 0 });
}

function show(dashboard: Dashboard, view: BuildsView): void {
  dashboard.ui.dispatch({ type: "overlay", overlay: view });
}

function viewOf(dashboard: Dashboard): BuildsView | null {
  const { overlay } = dashboard.ui.get();
  return overlay?.kind === "builds" ? overlay : null;
}

function selectedBuild(dashboard: Dashboard): BuildSummary | null {
  const view = viewOf(dashboard);
  const { builds } = dashboard.mirror.get();
  return view === null ? null : (builds[selectedIndex(builds, view.build)] ?? null);
}

/** One level deeper: the build under the cursor, then its step. */
export function enter(dashboard: Dashboard): void {
  const view = viewOf(dashboard);
  const build = selectedBuild(dashboard);
  if (view === null || build === null) return;
  const index = dashboard.mirror.get().builds.indexOf(build);
  if (view.level === "list") show(dashboard, { ...view, level: "steps", build: { id: build.id, index }, step: null });
  else if (view.level === "steps") {
    const { steps } = dashboard.mirror.get().build;
    const step = steps[stepIndex(steps, view.step)]?.id ?? null;
    if (step !== null) show(dashboard, { ...view, level: "log", step, back: 0 });
  }
}

/** One level up; null from the uppermost. */
export function upFrom(view: BuildsView): BuildsView | null {
  if (view.level === "log") return { ...view, level: "steps", back: 0 };
  return view.level === "steps" ? { ...view, level: "list", step: null } : null;
}

export function moveInBuilds(dashboard: Dashboard, view: BuildsView, step: number): void {
  const { builds, build } = dashboard.mirror.get();
  if (view.level === "list") {
    const index = clamp(selectedIndex(builds, view.build) + step, builds.length - 1);
    show(dashboard, { ...view, build: { id: builds[index]?.id ?? null, index }, step: null });
  } else if (view.level === "steps") {
    const index = clamp(stepIndex(build.steps, view.step) + step, build.steps.length - 1);
    show(dashboard, { ...view, step: build.steps[index]?.id ?? null });
  } else show(dashboard, { ...view, back: clamp(view.back - step, logLength(view, build) - 1) });
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(Math.max(0, most), value));
}

/** Asks whether the build under the cursor shall end. */
export function askCancel(dashboard: Dashboard): void {
  const build = selectedBuild(dashboard);
  if (build === null || build.status !== "running") {
    flash(dashboard, { tone: "info", message: build === null ? "nothing was built yet" : "it has ended already" });
    return;
  }
  const question = `cancel the build of ${buildName(build)}?`;
  const targets = [build.id, buildName(build)];
  dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "confirm", question, command: "build.cancel", targets } });
}

export async function cancel(dashboard: Dashboard, [id = "", name = ""]: readonly string[]): Promise<void> {
  await dashboard.client.request("builds.cancel", { build: id });
  flash(dashboard, { tone: "info", message: `cancelled the build of ${name}` });
}

export async function retry(dashboard: Dashboard): Promise<void> {
  const build = selectedBuild(dashboard);
  const view = viewOf(dashboard);
  if (build === null || view === null) return;
  if (!build.canRetry) {
    const message = `${buildName(build)} cannot be built once more: its context is gone`;
    flash(dashboard, { tone: "info", message });
    return;
  }
  const { buildID } = await dashboard.client.request("builds.retry", { build: build.id });
  show(dashboard, { ...view, level: "steps", build: { id: buildID, index: 0 }, step: null, back: 0 });
  flash(dashboard, { tone: "ok", message: `building ${buildName(build)} once more` });
}

export function askForget(dashboard: Dashboard): void {
  const build = selectedBuild(dashboard);
  if (build === null) return;
  if (build.status === "running") {
    flash(dashboard, { tone: "info", message: `${buildName(build)} is being built` });
    return;
  }
  const question = `forget the build of ${buildName(build)}? what it made stays`;
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: { kind: "confirm", question, command: "build.forget", targets: [build.id] },
  });
}

export async function forget(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  await dashboard.client.request("builds.remove", { builds: [...ids] });
  const view = viewOf(dashboard);
  if (view !== null) show(dashboard, { ...view, level: "list", step: null, back: 0 });
}

/** A shell in what the step that failed has left, in a container that goes with it. */
export async function openBuildShell(dashboard: Dashboard): Promise<void> {
  const build = selectedBuild(dashboard);
  if (build === null) return;
  if (!build.canDebug) {
    const message = `${buildName(build)} left no file system of a failed step`;
    flash(dashboard, { tone: "info", message });
    return;
  }
  try {
    const { imageID } = await dashboard.client.request("builds.debug", { build: build.id });
    const container: ContainerToRun = {
      request: { ...emptyCreateRequest(imageID), name: `build-${randomUUID().slice(0, 8)}`, autoRemove: true },
      title: `shell in the failed step of ${buildName(build)}`,
    };
    await runInTerminal(dashboard, container);
    // It was made for this shell; another one may be looking around in it still.
    await dashboard.client.request("images.remove", { image: imageID, force: false }).catch(() => undefined);
  } catch (cause) {
    flashError(dashboard, cause);
  }
}
