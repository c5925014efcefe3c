import type { Dashboard } from "../app/dashboard.ts";
import { flashError } from "../app/run-on-each.ts";
import { screenText } from "../format/screen-text.ts";
import { selectedContainer, selectedImage } from "../store/selectors.ts";
import { emptyLine, type Line, line, span } from "../theme/tokens.ts";
import { containerPage } from "./containers/details-page.ts";
import { jsonLines } from "./details.ts";
import { imageName } from "./images/actions.ts";
import { imagePage } from "./images/details-page.ts";

/** Opens the details of what the cursor is on in the pane that has the focus. */
export async function openDetails(dashboard: Dashboard): Promise<void> {
  const ui = dashboard.ui.get();
  try {
    if (ui.focus === "containers") await containerDetails(dashboard);
    else if (ui.focus === "images") await imageDetails(dashboard);
    // Logs and stats have nothing behind them but more room.
    else dashboard.ui.dispatch({ type: "fullscreen", on: !ui.fullscreen });
  } catch (cause) {
    flashError(dashboard, cause);
  }
}

async function containerDetails(dashboard: Dashboard): Promise<void> {
  const container = selectedContainer(dashboard.mirror.get(), dashboard.ui.get());
  if (container === null) return;
  const name = screenText(container.name);
  const json = await dashboard.client.request("containers.inspect", { container: container.id });
  const lines = [twin(`gantry inspect ${name}`), emptyLine, ...containerPage(container, json, Date.now())];
  show(dashboard, `container ${name}`, lines, [twin(`gantry inspect ${name}`), ...jsonLines(json)]);
}

async function imageDetails(dashboard: Dashboard): Promise<void> {
  const { images, containers } = dashboard.mirror.get();
  const image = selectedImage(dashboard.mirror.get(), dashboard.ui.get());
  if (image === null) return;
  const [json, history] = await Promise.all([
    dashboard.client.request("images.inspect", { image: image.id }),
    dashboard.client.request("images.history", { image: image.id }),
  ]);
  const newest = images.find(({ id }) => id === image.id) ?? image;
  const users = containers.filter(({ id }) => newest.containers.includes(id)).map(({ name }) => name);
  const facts = { image: newest, json, history, users, now: Date.now() };
  const command = twin(`gantry inspect ${imageName(image)}`);
  const lines = [command, emptyLine, ...imagePage(facts)];
  show(dashboard, `image ${imageName(image)}`, lines, [command, ...jsonLines(json)]);
}

/** The open details in their other form. */
export function turnDetails(dashboard: Dashboard): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "details" || overlay.other === undefined) return;
  const back = overlay.other.name === "JSON" ? "page" : "JSON";
  const turned = { ...overlay, lines: overlay.other.lines, other: { name: back, lines: overlay.lines }, scroll: 0 };
  dashboard.ui.dispatch({ type: "overlay", overlay: turned });
}

function twin(command: string): Line {
  return line(span(`$ ${command}`, "faint"));
}

function show(dashboard: Dashboard, title: string, lines: readonly Line[], json?: readonly Line[]): void {
  const other = json === undefined ? {} : { other: { name: "JSON", lines: json } };
  const overlay = { kind: "details", title, lines, scroll: 0, ...other } as const;
  dashboard.ui.dispatch({ type: "overlay", overlay });
}
