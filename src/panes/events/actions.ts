import type { Dashboard } from "../../app/dashboard.ts";
import { type EventsView, eventSpans, indexOfBottom, visibleEvents } from "../../store/event-log.ts";

export function openEvents(dashboard: Dashboard): void {
  dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "events", span: 1, filter: "", bottom: null } });
}

/** The next longer time, and the shortest after the longest. */
export function lookFurtherBack(dashboard: Dashboard): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "events") return;
  const span = (overlay.span + 1) % eventSpans.length;
  dashboard.ui.dispatch({ type: "overlay", overlay: { ...overlay, span, bottom: null } });
}

export function setEventFilter(dashboard: Dashboard, filter: string): void {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind === "events") {
    dashboard.ui.dispatch({ type: "overlay", overlay: { ...overlay, filter, bottom: null } });
  }
}

/** Moves the lowest row; at the end the newest is followed. `height`: rows for events that are seen. */
export function moveInEvents(
  dashboard: Dashboard,
  view: EventsView,
  move: { readonly step: number; readonly height: number },
): void {
  const events = visibleEvents(dashboard.mirror.get().events, view.filter);
  const last = events.length - 1;
  const lowest = Math.min(last, move.height - 1);
  const index = Math.max(lowest, Math.min(last, indexOfBottom(events, view.bottom) + move.step));
  const bottom = index >= last ? null : (events[index]?.sequence ?? null);
  dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, bottom } });
}
