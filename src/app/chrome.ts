import { spread, widthOf, wrapWords } from "../components/spans.ts";
import stringWidth from "../components/string-width.ts";
import { formatBinaryBytes } from "../format/bytes.ts";
import { screenText } from "../format/screen-text.ts";
import type { CommandID } from "../keymap/commands.ts";
import type { Keymap } from "../keymap/keymap.ts";
import { formatKey } from "../keymap/keys.ts";
import { type Pane, type Place, panes } from "../keymap/panes.ts";
import { formatAge } from "../panes/age.ts";
import type { Mirror } from "../store/mirror.ts";
import { totals } from "../store/selectors.ts";
import { isMarkPane, type Ui } from "../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { type Line, line, type Span, span } from "../theme/tokens.ts";
import { inputSpans, promptLine } from "./prompt-line.ts";
import { workSpans } from "./work-line.ts";

/** The rows around the panes: header, status line, footer. */

export function headerLine(
  mirror: Mirror,
  options: { readonly readOnly: boolean; readonly now: number; readonly width: number },
): Line {
  const { info, connection } = mirror;
  const sum = totals(mirror);
  const left: Span[] = [span(" gantry ", "brand"), span(" ")];
  if (info !== null) left.push(span(screenText(info.hostname), "title"));
  if (options.readOnly) left.push(span("  read-only", "warn"));
  if (connection.status === "lost") return spread(left, lostSpans(connection, options.now), options.width);
  if (!mirror.synced) return spread(left, [span("connecting to the engine ", "muted")], options.width);
  const room = options.width - widthOf(left) - 2;
  const right = asManyAsFit(
    [
      [span(`${sum.running} running`, sum.running > 0 ? "ok" : "muted")],
      sum.paused > 0 ? [span(`  ${sum.paused} paused`, "warn")] : [],
      [span(`  ${sum.stopped} stopped`, "muted")],
      [span("  cpu ", "muted"), span(`${sum.cpu.toFixed(0)}%`)],
      [span("  mem ", "muted"), span(formatBinaryBytes(sum.memory))],
      info === null ? [] : [span(`/${formatBinaryBytes(info.memory)}`, "muted")],
      [span(`  ${sum.images} ${sum.images === 1 ? "image" : "images"}`, "muted")],
      [span(" ")],
    ],
    room,
  );
  if (info !== null) {
    const engine = `  engine ${screenText(info.engineVersion)} ${glyphs.separator} ${screenText(info.runtime)}`;
    // Who runs here is worth less than how it runs.
    if (widthOf([...left, ...right]) + engine.length + 2 <= options.width) left.push(span(engine, "muted"));
  }
  return spread(left, right, options.width);
}

function asManyAsFit(groups: readonly (readonly Span[])[], width: number): Span[] {
  const kept: Span[] = [];
  for (const group of groups) {
    if (widthOf(kept) + widthOf(group) > width) break;
    kept.push(...group);
  }
  return kept;
}

function lostSpans({ since, isStopped }: LostConnection, now: number): Span[] {
  const ago = `${formatAge(now - since)} ago`;
  return isStopped ? [span(`engine stopped ${ago} `, "warn")] : [span(`engine lost ${ago}, retrying `, "error")];
}

type LostConnection = Extract<Mirror["connection"], { status: "lost" }>;

/** `retryKey`: what starts a stopped engine, `workKey`: what shows the work under way; null where no key does. */
export type StatusOptions = {
  readonly width: number;
  readonly retryKey: string | null;
  readonly workKey: string | null;
  readonly now: number;
};

/** What is asked, else the newest result at the left; long work at the right. */
export function statusLine(mirror: Mirror, ui: Ui, options: StatusOptions): Line {
  if (ui.prompt?.kind === "line") return promptLine(ui.prompt, options.width);
  if (ui.prompt?.kind === "confirm") return spread([span(` ${ui.prompt.question}`, "prompt")], answers, options.width);
  const left = [span(" "), ...leftStatus(mirror, ui, options)];
  // What failed is worth more than how far others are.
  const isUrgent = ui.flash?.tone === "error" || ui.flash?.tone === "warn";
  const least = isUrgent ? 0 : Math.floor(options.width / 2);
  const width = Math.max(least, options.width - widthOf(left) - 3);
  const work = workSpans(mirror, ui.tasks, { ...options, width });
  return spread(left, work.length > 0 ? [...work, span(" ")] : [], options.width);
}

const answers: readonly Span[] = [
  span("  y", "key"),
  span(" yes  ", "muted"),
  span("any other key", "key"),
  span(" no ", "muted"),
];

function leftStatus(mirror: Mirror, ui: Ui, { retryKey, width }: StatusOptions): Span[] {
  const { prompt, flash } = ui;
  if (prompt?.kind === "filter") return [span("/", "prompt"), ...inputSpans(prompt.input, true)];
  const lost = mirror.connection.status === "lost" ? mirror.connection : null;
  // While nothing else can be done, how to go on is worth more than what failed.
  if (lost?.isStopped) return lostStatus(lost, retryKey);
  if (flash !== null) {
    if (urgentLine(ui, width) !== null) return [span(wrapWords(flash.message, width - 2)[0] ?? "", flash.tone)];
    return [
      span(flash.message, flash.tone === "info" ? "text" : flash.tone),
      span(flash.hint === "" ? "" : `  ${glyphs.arrow} ${flash.hint}`, "muted"),
      span(flash.twin === "" ? "" : `  $ ${flash.twin}`, "faint"),
    ];
  }
  return lost === null ? [] : lostStatus(lost, retryKey);
}

/** What there is no room for beside an urgent message: its end and its hint, in place of the footer; null where all fits. */
export function urgentLine({ flash, prompt }: Ui, width: number): Line | null {
  if (flash === null || prompt !== null || (flash.tone !== "error" && flash.tone !== "warn")) return null;
  const room = width - 2;
  const hint = flash.hint === "" ? "" : `${glyphs.arrow} ${flash.hint}`;
  if (stringWidth(flash.message) + (hint === "" ? 0 : stringWidth(hint) + 2) <= room) return null;
  const [, ...rest] = wrapWords(flash.message, room);
  const end = rest.length === 0 ? [] : [span(`${rest.join(" ")}  `, flash.tone)];
  return line(span(" "), ...end, span(hint, "muted"));
}

function lostStatus({ reason, isStopped }: LostConnection, retryKey: string | null): Span[] {
  const message = span(screenText(reason.message), "warn");
  if (isStopped && retryKey !== null) return [message, span("  "), span(retryKey, "key"), span(" start it", "muted")];
  return [message, span(reason.hint === null ? "" : `  ${glyphs.arrow} ${screenText(reason.hint)}`, "muted")];
}

/** What can be done where there is nothing yet. */
const aloneToo: ReadonlySet<string> = new Set([
  "image.pull",
  "container.create",
  "network.create",
  "volume.create",
  "events.open",
  "pane.fullscreen",
  "help.open",
  "palette.open",
  "quit",
]);

/** As many keys of the place as there is room for, the important ones; what is everywhere stands at the end. */
export function footerLine(
  keymap: Keymap,
  place: Place,
  options: { readonly width: number; readonly isEmpty: boolean; readonly without?: readonly CommandID[] },
): Line {
  const candidates = keymap.bindings
    .flatMap(({ command, keys }) => {
      const [key] = keys;
      const footer: number | null = command.footer;
      const isHere = command.panes.includes(place) && !options.without?.includes(command.id);
      const isOfUse = isHere && (!options.isEmpty || aloneToo.has(command.id));
      return footer !== null && key !== undefined && isOfUse
        ? [{ order: footer, key: formatKey(key), label: command.short }]
        : [];
    })
    .sort((left, right) => left.order - right.order);
  let room = options.width - 1;
  const shown = candidates.filter(({ key, label }) => {
    const size = key.length + label.length + 3;
    if (size > room) return false;
    room -= size;
    return true;
  });
  const general = shown.filter(({ order }) => order < 10).reverse();
  const special = shown.filter(({ order }) => order >= 10);
  return line(
    span(" "),
    ...[...special, ...general].flatMap(({ key, label }) => [span(key, "key"), span(` ${label}  `, "muted")]),
  );
}

/** What is said of each pane beside its name; null: nothing. */
export type PaneCounts = Readonly<Record<Pane, number | null>>;

/** The name of a pane with its number, or all names where they share a place of this many columns. */
export function paneTitle(
  { pane, tabs, columns }: { readonly pane: Pane; readonly tabs: readonly Pane[]; readonly columns: number },
  counts: PaneCounts,
): readonly Span[] {
  if (tabs.length === 0) return titleOf(pane, true, counts[pane]);
  // Of the tabs that are not seen the numbers are what counts: where there is little room their names give way to what is selected.
  const titles = nameLengths.map((most) => tabTitles(pane, tabs, { counts, most }));
  const room = columns - (isMarkPane(pane) ? cornersRoom : cornersRoom + subjectRoom);
  return titles.find((title) => widthOf(title) <= room) ?? titles.at(-1) ?? [];
}

/** Columns of a pane's edge for its corners and a short note, and for what a pane shows of something that is selected elsewhere. */
const cornersRoom = 20;
const subjectRoom = 6;
/** Longer names of tabs that are not seen give way to short ones. */
const nameLengths = [12, 6, 0];
const shortNames: Readonly<Record<Pane, string>> = {
  containers: "Con",
  images: "Img",
  layers: "Lay",
  logs: "Log",
  stats: "Stat",
  networks: "Net",
  volumes: "Vol",
};

function tabTitles(
  pane: Pane,
  tabs: readonly Pane[],
  { counts, most }: { readonly counts: PaneCounts; readonly most: number },
): Span[] {
  return tabs.flatMap((other, index) => [
    span(index === 0 ? "" : "  "),
    ...titleOf(other, other === pane, other === pane ? counts[other] : null, most),
  ]);
}

function titleOf(pane: Pane, active: boolean, count: number | null, most = 12): Span[] {
  const whole = pane.slice(0, 1).toUpperCase() + pane.slice(1);
  const name = active || whole.length <= most ? whole : shortNames[pane];
  const number = String(panes.indexOf(pane) + 1);
  return [
    span(`${number} `, active ? "key" : "faint"),
    span(name, active ? "title" : "muted"),
    span(count === null ? "" : ` ${count}`, "muted"),
  ];
}
