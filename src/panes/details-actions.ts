import type { Dashboard } from "../app/dashboard.ts";
import { flashError } from "../app/run-on-each.ts";
import { screenText } from "../format/screen-text.ts";
import {
  selectedContainer,
  selectedImage,
  selectedNetwork,
  selectedVolume,
  usersOfNetwork,
  usersOfVolume,
} from "../store/selectors.ts";
import { type DetailsSubject, isMarkPane, type Overlay } from "../store/ui.ts";
import { emptyLine, type Line, line, span } from "../theme/tokens.ts";
import { containerPage } from "./containers/details-page.ts";
import { jsonLines } from "./details.ts";
import { shellWord } from "./files/shell-word.ts";
import { imageName } from "./images/actions.ts";
import { imagePage } from "./images/details-page.ts";
import { networkPage } from "./networks/details-page.ts";
import { volumePage } from "./volumes/details-page.ts";

type Details = Extract<Overlay, { kind: "details" }>;
/** What there is to read of an object: as a page, and as JSON. */
type Found = { readonly title: string; readonly twin: string; readonly page: readonly Line[]; readonly json: unknown };

/** Opens the details of what the cursor is on in the pane that has the focus. */
export async function openDetails(dashboard: Dashboard): Promise<void> {
  const ui = dashboard.ui.get();
  // Logs and stats have nothing behind them but more room.
  if (!isMarkPane(ui.focus)) dashboard.ui.dispatch({ type: "fullscreen", on: !ui.fullscreen });
  else {
    const subject = subjectHere(dashboard);
    if (subject === null) return;
    try {
      const overlay = await readDetails(dashboard, subject);
      if (overlay !== null) dashboard.ui.dispatch({ type: "overlay", overlay });
    } catch (cause) {
      flashError(dashboard, cause);
    }
  }
}

function subjectHere(dashboard: Dashboard): DetailsSubject | null {
  const mirror = dashboard.mirror.get();
  const ui = dashboard.ui.get();
  if (!isMarkPane(ui.focus)) return null;
  const select = {
    containers: selectedContainer,
    images: selectedImage,
    networks: selectedNetwork,
    volumes: selectedVolume,
  };
  const found = select[ui.focus](mirror, ui);
  return found === null ? null : { pane: ui.focus, id: found.id };
}

/** Reads all about an object; null where it has gone. */
export async function readDetails(dashboard: Dashboard, subject: DetailsSubject): Promise<Details | null> {
  const found = await finders[subject.pane](dashboard, subject.id);
  if (found === null) return null;
  const head = twin(found.twin);
  return {
    kind: "details",
    title: found.title,
    lines: [head, emptyLine, ...found.page],
    scroll: 0,
    other: { name: "JSON", lines: [head, ...jsonLines(found.json)] },
    subject,
  };
}

type Finder = (dashboard: Dashboard, id: string) => Promise<Found | null>;

const finders: Readonly<Record<DetailsSubject["pane"], Finder>> = {
  containers: async (dashboard, id) => {
    const json = await dashboard.client.request("containers.inspect", { container: id });
    const container = dashboard.mirror.get().containers.find((one) => one.id === id);
    if (container === undefined) return null;
    const name = screenText(container.name);
    const page = containerPage(container, json, Date.now());
    return { title: `container ${name}`, twin: `gantry inspect ${name}`, page, json };
  },
  images: async (dashboard, id) => {
    const [json, history] = await Promise.all([
      dashboard.client.request("images.inspect", { image: id }),
      dashboard.client.request("images.history", { image: id }),
    ]);
    const { images, containers } = dashboard.mirror.get();
    const image = images.find((one) => one.id === id);
    if (image === undefined) return null;
    const users = containers.filter((one) => image.containers.includes(one.id)).map(({ name }) => name);
    const name = imageName(image);
    const page = imagePage({ image, json, history, users, now: Date.now() });
    return { title: `image ${name}`, twin: `gantry inspect ${name}`, page, json };
  },
  networks: async (dashboard, id) => {
    const json = await dashboard.client.request("networks.inspect", { network: id });
    const mirror = dashboard.mirror.get();
    const network = mirror.networks.find((one) => one.id === id);
    if (network === undefined) return null;
    const name = screenText(network.name);
    const page = networkPage(network, usersOfNetwork(mirror, network), Date.now());
    return { title: `network ${name}`, twin: `gantry network inspect ${shellWord(network.name)}`, page, json };
  },
  volumes: async (dashboard, id) => {
    const json = await dashboard.client.request("volumes.inspect", { volume: id });
    const mirror = dashboard.mirror.get();
    const volume = mirror.volumes.find((one) => one.id === id);
    if (volume === undefined) return null;
    const page = volumePage(volume, usersOfVolume(mirror, volume), Date.now());
    const twin = `gantry volume inspect ${shellWord(volume.name)}`;
    return { title: `volume ${screenText(volume.name)}`, twin, page, json };
  },
};

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
