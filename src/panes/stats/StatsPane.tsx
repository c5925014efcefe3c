import { useMemo } from "react";
import type { StatsSample } from "../../../engine/protocol/stats.ts";
import { Panel } from "../../components/Panel.tsx";
import { screenText } from "../../format/screen-text.ts";
import { isLive } from "../../store/mirror.ts";
import { selectedContainer } from "../../store/selectors.ts";
import { type Line, line, type Span, span } from "../../theme/tokens.ts";
import type { PaneProps } from "../pane-props.ts";
import { drawCharts } from "./draw-charts.ts";
import { charts } from "./view-model.ts";

const none: readonly StatsSample[] = [];

export function StatsPane(props: PaneProps) {
  const { mirror, ui, columns, rows, focused } = props;
  const container = selectedContainer(mirror, ui);
  const samples = container === null ? [] : (mirror.stats.get(container.id) ?? none);
  const newest = samples.at(-1);
  const note: Span[] = [];
  if (container !== null) note.push(span(screenText(container.name), "accent"));
  if (newest !== undefined && container !== null && isLive(container)) {
    note.push(span(`  ${newest.pids}${newest.pidsLimit === null ? "" : `/${newest.pidsLimit}`} pids`, "muted"));
    if (newest.memory.oomKills > 0) note.push(span(`  ${newest.memory.oomKills} killed for memory`, "error"));
  }
  const curves = useMemo(
    () => drawCharts(charts(samples), { width: columns - 4, height: rows - 2 }).map(indented),
    [samples, columns, rows],
  );
  const body: readonly Line[] = newest === undefined ? [emptyText(props)] : curves;
  return <Panel {...{ columns, rows, focused, note }} title={props.title} lines={body} style={props.style} />;
}

function indented(row: Line): Line {
  return { spans: [span(" "), ...row.spans] };
}

function emptyText({ mirror, ui }: PaneProps): Line {
  const container = selectedContainer(mirror, ui);
  if (container === null) return line(span(" no container is selected", "muted"));
  const why = isLive(container) ? "the first sample is on its way" : "it does not run";
  return line(span(` ${screenText(container.name)}: ${why}`, "muted"));
}
