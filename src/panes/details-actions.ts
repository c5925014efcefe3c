import type { FileChange } from "../../engine/protocol/containers.ts";
import { type Dashboard, flash } from "../app/dashboard.ts";
import { flashError } from "../app/run-on-each.ts";
import { formatBytes } from "../format/bytes.ts";
import { shortID } from "../format/ids.ts";
import { screenText } from "../format/screen-text.ts";
import { selectedContainer, selectedImage, selectedLayer } from "../store/selectors.ts";
import { emptyLine, type Line, line, span, type Tone } from "../theme/tokens.ts";
import { containerPage } from "./containers/details-page.ts";
import { jsonLines } from "./details.ts";
import { imageName } from "./images/actions.ts";
import { imagePage } from "./images/details-page.ts";
import { layerDetails } from "./layers/view-model.ts";

/** Opens the details of what the cursor is on in the pane that has the focus. */
export async function openDetails(dashboard: Dashboard): Promise<void> {
  const ui = dashboard.ui.get();
  try {
    if (ui.focus === "containers") await containerDetails(dashboard);
    else if (ui.focus === "images") await imageDetails(dashboard);
    else if (ui.focus === "layers") await layersDetails(dashboard);
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

const mostChanges = 10_000;

async function layersDetails(dashboard: Dashboard): Promise<void> {
  const row = selectedLayer(dashboard.mirror.get(), dashboard.ui.get());
  if (row === null) {
    flash(dashboard, { tone: "info", message: "no layer is selected" });
    return;
  }
  if (row.kind === "layer") {
    show(dashboard, `layer ${shortID(row.diffID)}`, layerDetails(row));
    return;
  }
  const [, container = ""] = dashboard.mirror.get().layers.key.split(" ");
  const { changes, truncated } = await dashboard.client.request("containers.changes", {
    container,
    limit: mostChanges,
  });
  const name = screenText(dashboard.mirror.get().containers.find(({ id }) => id === container)?.name ?? container);
  const rows = changes.map(changeLine);
  if (rows.length === 0) rows.push(line(span("nothing was changed yet", "muted")));
  if (truncated) rows.push(line(span(`… and more than ${mostChanges} others`, "muted")));
  show(dashboard, `changes of ${name}`, [twin(`gantry diff ${name}`), ...rows]);
}

const changeLooks: Readonly<Record<FileChange["kind"], { readonly sign: string; readonly tone: Tone }>> = {
  added: { sign: "A", tone: "ok" },
  changed: { sign: "C", tone: "warn" },
  deleted: { sign: "D", tone: "error" },
};

export function changeLine(change: FileChange): Line {
  const { sign, tone } = changeLooks[change.kind];
  const size = change.type === "file" && change.kind !== "deleted" ? formatBytes(change.size) : "";
  return line(span(`${sign} `, tone), span(`${size.padStart(9)}  `, "muted"), span(screenText(change.path)));
}

function twin(command: string): Line {
  return line(span(`$ ${command}`, "faint"));
}

function show(dashboard: Dashboard, title: string, lines: readonly Line[], json?: readonly Line[]): void {
  const other = json === undefined ? {} : { other: { name: "JSON", lines: json } };
  const overlay = { kind: "details", title, lines, scroll: 0, ...other } as const;
  dashboard.ui.dispatch({ type: "overlay", overlay });
}
