import { messageOf } from "../../../engine/errors.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { hintOf } from "../../app/run-on-each.ts";
import { familiarName, splitImageName, withDefaultTag } from "../../format/image-name.ts";
import { screenText } from "../../format/screen-text.ts";
import type { SearchView } from "../../store/image-views.ts";
import { selectedImage } from "../../store/selectors.ts";
import { inputOf } from "../../store/text-input.ts";
import { credentialsFor, doWork } from "./own-work.ts";

/** Asks for the name of an image; that of the selected one is offered. */
export function openPull(dashboard: Dashboard): void {
  const ui = dashboard.ui.get();
  const image = ui.focus === "images" ? selectedImage(dashboard.mirror.get(), ui) : null;
  askName(dashboard, "", screenText(image?.references[0] ?? ""));
}

function askName(dashboard: Dashboard, name: string, offer: string): void {
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: { kind: "line", label: "pull", command: "image.pull", targets: [], input: inputOf(name), offer },
  });
}

export async function pull(dashboard: Dashboard, text: string): Promise<void> {
  const written = text.trim();
  if (written === "") return;
  const name = withDefaultTag(splitImageName(written));
  const reference = familiarName(name);
  const shown = screenText(reference);
  await doWork(dashboard, `pull ${shown}`, async () => {
    const credentials = await credentialsFor(dashboard, name.registry);
    const params = { reference, allTags: false, platform: null, credentials, verifyKeys: [] };
    const { images } = await dashboard.client.request("images.pull", params);
    const message = images.some(({ isNew }) => isNew) ? `pulled ${shown}` : `${shown} is up to date`;
    flash(dashboard, { tone: "ok", message, twin: `gantry pull ${shown}` });
  });
}

/** As many as one cares to look through. */
const mostResults = 100;

/** Looks in a registry for what is typed, and shows what it finds. */
export async function search(dashboard: Dashboard, text: string): Promise<void> {
  const term = text.trim();
  if (term === "") {
    flash(dashboard, { tone: "info", message: "type a word to search for, then Tab" });
    return;
  }
  const view: SearchView = { kind: "search", term, results: null, error: "", index: 0 };
  dashboard.ui.dispatchAll([
    { type: "prompt", prompt: null },
    { type: "overlay", overlay: view },
  ]);
  // Another view, or none: nobody waits for this answer any more.
  const show = (next: Partial<SearchView>) => {
    if (dashboard.ui.get().overlay === view) dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, ...next } });
  };
  try {
    const credentials = await credentialsFor(dashboard, splitImageName(term).registry);
    const found = await dashboard.client.request("images.search", { term, limit: mostResults, credentials });
    show({ results: found.toSorted((one, other) => other.stars - one.stars) });
  } catch (cause) {
    const hint = hintOf(cause);
    show({ results: [], error: screenText(messageOf(cause)) + (hint === "" ? "" : ` (${hint})`) });
  }
}

/** Back to the prompt, with what was searched for. */
export function askAgain(dashboard: Dashboard, term: string): void {
  dashboard.ui.dispatch({ type: "overlay", overlay: null });
  askName(dashboard, screenText(term), "");
}

/** Back to the prompt, with a name that was found. */
export function choose(dashboard: Dashboard, name: string): void {
  askAgain(dashboard, name);
}
