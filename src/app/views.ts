import { screenText } from "../format/screen-text.ts";
import { firstKeyOf, type Keymap } from "../keymap/keymap.ts";
import { buildLines } from "../panes/builds/builds-view.ts";
import { buildName } from "../panes/builds/view-model.ts";
import { eventLines } from "../panes/events/view-model.ts";
import { searchLines } from "../panes/images/image-views.ts";
import { connectionLines, connectionsTitle } from "../panes/networks/connections.ts";
import { pruneLines, pruneTexts } from "../panes/prune/prune-lines.ts";
import { workLines } from "../panes/work/work-view.ts";
import { type EventsView, eventSpans, visibleEvents } from "../store/event-log.ts";
import type { SearchView } from "../store/image-views.ts";
import type { Mirror } from "../store/mirror.ts";
import type { PruneView } from "../store/prune-view.ts";
import { selectedIndex } from "../store/selectors.ts";
import type { BuildsView, ConnectionsView, Overlay } from "../store/ui.ts";
import { span } from "../theme/tokens.ts";
import type { Size } from "./layout.ts";
import { centred, keyNote, listPlace, type OverlayPlace, type OverlayView } from "./overlay-view.ts";

/** What the views over the panes are drawn from. `now`: milliseconds since the epoch. */
export type ViewInput = {
  readonly size: Size;
  readonly keymap: Keymap;
  readonly mirror: Mirror;
  readonly now: number;
};

export function workView(overlay: Extract<Overlay, { kind: "work" }>, input: ViewInput): OverlayView {
  const place = listPlace(input.size);
  const { mirror, now, keymap } = input;
  const count = mirror.operations.length;
  return {
    ...place,
    title: [span("Work", "title"), span(count === 0 ? "" : ` ${count}`, "muted")],
    note: keyNote(keymap, count === 0 ? [] : [["work.cancel", "cancel"]]),
    lines: workLines(
      { operations: mirror.operations, paces: mirror.paces, now, selection: overlay.selection },
      roomIn(place),
    ),
  };
}

export function searchView(view: SearchView, { size }: ViewInput): OverlayView {
  const place = listPlace(size);
  const count = view.results?.length ?? 0;
  return {
    ...place,
    title: [
      span("Search ", "title"),
      span(screenText(view.term), "accent"),
      span(count === 0 ? "" : ` ${count}`, "muted"),
    ],
    note: [
      span(count === 0 ? "" : "Enter", "key"),
      span(count === 0 ? "" : " choose  ", "faint"),
      span("Esc", "key"),
      span(" back", "faint"),
    ],
    lines: searchLines(view, roomIn(place)),
  };
}

export function pruneView(view: PruneView, { size, keymap, now }: ViewInput): OverlayView {
  const place = listPlace(size);
  return {
    ...place,
    title: [span(`Prune ${view.of}`, "title")],
    note: keyNote(keymap, [
      ...(pruneTexts[view.of].all === null ? [] : [["prune.all", fewerOrAll(view)] as const]),
      ["prune.run", "delete"],
    ]),
    lines: pruneLines(view, roomIn(place), now),
  };
}

function fewerOrAll({ of, all }: PruneView): string {
  if (!all) return "all unused";
  return of === "images" ? "dangling only" : "anonymous only";
}

/** Over all panes, as details are: what happened, the newest at the end. */
export function eventsView(view: EventsView, { size, mirror, keymap, now }: ViewInput): OverlayView {
  const place = wholePlace(size);
  const count = visibleEvents(mirror.events, view.filter).length;
  const flag = eventSpans[view.span]?.flag ?? "";
  const filter = view.filter === "" ? "" : `/${screenText(view.filter)}  `;
  return {
    ...place,
    title: [
      span("Events", "title"),
      span(` ${count}`, "muted"),
      span(
        size.columns < 100 ? `  since ${flag}` : `  $ gantry events --since ${flag}   /exec shows exec as well`,
        "faint",
      ),
    ],
    note: [
      span(filter, "prompt"),
      view.bottom === null ? span("follow  ", "ok") : span("back  ", "warn"),
      ...keyNote(keymap, [
        ["filter.open", "filter"],
        ["events.since", "further"],
      ]),
    ],
    lines: eventLines(mirror.events, view, { ...roomIn(place), now }),
  };
}

export function connectionsView(view: ConnectionsView, { size, mirror, keymap }: ViewInput): OverlayView {
  const place = centred(size, 72, Math.min(18, size.rows - 4));
  const what = view.side === "container" ? "Networks of" : "Containers on";
  return {
    ...place,
    title: [span(`${what} `, "title"), span(connectionsTitle(mirror, view), "accent")],
    note: keyNote(keymap, [["network.toggle", "connect or disconnect"]]),
    lines: connectionLines(mirror, view, roomIn(place)),
  };
}

/** Over all panes: the builds, the steps of one, what one of them has written. */
export function buildsView(view: BuildsView, { size, mirror, keymap, now }: ViewInput): OverlayView {
  const place = wholePlace(size);
  const build = mirror.builds[selectedIndex(mirror.builds, view.build)];
  const names = view.level === "list" || build === undefined ? [] : [span(` ${buildName(build)}`, "accent")];
  const acts = [
    ...(view.level === "log" || build === undefined
      ? []
      : [["build.enter", view.level === "list" ? "steps" : "log"] as const]),
    ...(build?.status === "running" ? [["build.cancel", "cancel"] as const] : []),
    ...(build?.canRetry === true && build.status !== "running" ? [["build.retry", "again"] as const] : []),
    ...(build?.canDebug === true ? [["build.shell", "shell"] as const] : []),
    ...(view.level === "list" ? [["build.create", "new"] as const] : []),
  ];
  const count = mirror.builds.length;
  return {
    ...place,
    title: [span("Builds", "title"), ...names, span(count === 0 || names.length > 0 ? "" : ` ${count}`, "muted")],
    note: keyNote(keymap, acts),
    lines: buildLines(
      view,
      { builds: mirror.builds, watched: mirror.build, now, newKey: firstKeyOf(keymap, "build.create") },
      roomIn(place),
    ),
  };
}

/** All between header and status line. */
export function wholePlace({ columns, rows }: Size): OverlayPlace {
  return { left: 0, top: 1, columns, rows: rows - 3 };
}

function roomIn({ columns, rows }: { readonly columns: number; readonly rows: number }) {
  return { width: columns - 2, height: rows - 2 };
}

/** Rows that a list over the panes has. */
export function viewHeight(size: Size): number {
  return roomIn(listPlace(size)).height;
}
