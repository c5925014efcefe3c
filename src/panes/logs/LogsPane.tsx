import { useLayoutEffect } from "react";
import { Panel } from "../../components/Panel.tsx";
import { screenText } from "../../format/screen-text.ts";
import { type Line, line, type Span, span } from "../../theme/tokens.ts";
import type { PaneProps } from "../pane-props.ts";
import { logView } from "./view-model.ts";

export function LogsPane(props: PaneProps) {
  const { mirror, ui, prefs, columns, rows, focused, onLogView } = props;
  const { logs } = mirror;
  const view = logView(logs, {
    width: columns - 4,
    height: Math.max(1, rows - 2),
    times: prefs.logTimes,
    wrap: prefs.logWrap,
    search: logs.contains,
    names: logs.containers.length > 1 ? namesOf(props) : new Map(),
    bottom: ui.logBottom,
  });
  useLayoutEffect(() => onLogView(view));
  const body = view.rows.length > 0 ? view.rows.map(indented) : [emptyText(props)];
  return (
    <Panel {...{ columns, rows, focused }} title={props.title} note={note(props)} lines={body} style={props.style} />
  );
}

function indented(row: Line): Line {
  return { spans: [span(" "), ...row.spans] };
}

function namesOf({ mirror }: PaneProps): ReadonlyMap<string, string> {
  const shown = new Set(mirror.logs.containers);
  return new Map(
    mirror.containers.filter(({ id }) => shown.has(id)).map(({ id, name }) => [id, screenText(name)] as const),
  );
}

/** Whose logs, what is searched, and whether they are followed. */
function note(props: PaneProps): readonly Span[] {
  const { mirror, ui, prefs } = props;
  const { containers, contains, paging } = mirror.logs;
  if (containers.length === 0) return [];
  const names = [...namesOf(props).values()];
  const who = containers.length === 1 ? (names[0] ?? "") : `${containers.length} containers`;
  const options = [prefs.logTimes ? "times" : "", prefs.logWrap ? "wrap" : ""].filter((text) => text !== "").join(" ");
  return [
    span(who, "accent"),
    span(contains === "" ? "" : `  /${contains}`, "prompt"),
    span(options === "" ? "" : `  ${options}`, "faint"),
    span(paging ? "  reading older lines" : "", "muted"),
    ui.logBottom === null ? span("  follow", "ok") : span("  scrolled back", "warn"),
  ];
}

function emptyText({ mirror }: PaneProps): Line {
  const { containers, contains } = mirror.logs;
  if (containers.length === 0) return line(span(" no container is selected", "muted"));
  if (contains !== "") return line(span(` no line holds "${contains}"`, "muted"));
  return line(span(" nothing was written yet", "muted"));
}
