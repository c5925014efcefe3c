import { Box, Text, useApp } from "ink";
import { useEffect, useMemo } from "react";
import { Panel } from "../components/Panel.tsx";
import { fitLine } from "../components/spans.ts";
import { useNow } from "../hooks/use-now.ts";
import { useSize } from "../hooks/use-size.ts";
import { useStore } from "../hooks/use-store.ts";
import type { CommandID } from "../keymap/commands.ts";
import { firstKeyOf } from "../keymap/keymap.ts";
import type { Pane } from "../keymap/panes.ts";
import { ContainersPane } from "../panes/containers/ContainersPane.tsx";
import { BrowserPane } from "../panes/files/BrowserPane.tsx";
import { ImagesPane } from "../panes/images/ImagesPane.tsx";
import { LayersPane } from "../panes/layers/LayersPane.tsx";
import { LogsPane } from "../panes/logs/LogsPane.tsx";
import type { LogView } from "../panes/logs/view-model.ts";
import { NetworksPane } from "../panes/networks/NetworksPane.tsx";
import type { PaneProps } from "../panes/pane-props.ts";
import { StatsPane } from "../panes/stats/StatsPane.tsx";
import { VolumesPane } from "../panes/volumes/VolumesPane.tsx";
import { type BrowserScreenState, placeOf } from "../store/browser.ts";
import type { Mirror } from "../store/mirror.ts";
import { paint, type Style } from "../theme/paint.ts";
import type { ColorLevel } from "../theme/terminal-look.ts";
import { type Line, span } from "../theme/tokens.ts";
import { footerLine, headerLine, paneTitle, statusLine, urgentLine } from "./chrome.ts";
import type { Dashboard } from "./dashboard.ts";
import { bodySize, isTooSmall, layoutBody, type Region, type Size, smallest } from "./layout.ts";
import { overlayView } from "./overlays.ts";
import { untilChange } from "./until-change.ts";

export type AppProps = {
  readonly dashboard: Dashboard;
  readonly readOnly: boolean;
  readonly look: { readonly level: ColorLevel; readonly ascii: boolean };
  readonly onLogView: (view: LogView) => void;
  /** Ink's way to give the terminal away. */
  readonly onSuspendable: (suspend: (callback: () => Promise<void>) => Promise<void>) => void;
};

const paneComponents: Readonly<Record<Pane, (props: PaneProps) => React.ReactElement>> = {
  containers: ContainersPane,
  images: ImagesPane,
  layers: LayersPane,
  logs: LogsPane,
  stats: StatsPane,
  networks: NetworksPane,
  volumes: VolumesPane,
};

/** The whole screen: header, panes, status line, footer, and what lies over them. */
export function App({ dashboard, readOnly, look, onLogView, onSuspendable }: AppProps) {
  const mirror = useStore(dashboard.mirror);
  const ui = useStore(dashboard.ui);
  const prefs = useStore(dashboard.prefs);
  const browser = useStore(dashboard.browser);
  const size = useSize(dashboard.terminal);
  const now = useNow((time) => untilChange(mirror, time));
  const { suspendTerminal } = useApp();
  useEffect(() => onSuspendable(suspendTerminal), [onSuspendable, suspendTerminal]);
  const greyed = mirror.connection.status === "lost" && mirror.synced;
  const style = useMemo<Style>(() => ({ theme: prefs.theme, ...look, greyed }), [prefs.theme, look, greyed]);
  // What tells of the loss is not out of date itself.
  const fresh = useMemo<Style>(() => ({ ...style, greyed: false }), [style]);
  if (isTooSmall(size)) return <TooSmall size={size} style={style} />;
  const createKey = firstKeyOf(dashboard.keymap, "container.create");
  const pullKey = firstKeyOf(dashboard.keymap, "image.pull");
  const volumeKey = firstKeyOf(dashboard.keymap, "volume.create");
  const pane = { mirror, ui, prefs, style, now, mayChange: !readOnly, createKey, pullKey, volumeKey, onLogView };
  const place = placeOf(browser, ui);
  const screen = browser.at(-1);
  const overlay =
    ui.overlay === null ? null : overlayView(ui.overlay, { size, keymap: dashboard.keymap, place, mirror, now });
  return (
    <Box width={size.columns} height={size.rows} overflow="hidden" flexDirection="column">
      <Row line={headerLine(mirror, { readOnly, now, width: size.columns })} style={fresh} width={size.columns} />
      {screen === undefined ? (
        <Body region={layoutBody(size, ui)} pane={pane} />
      ) : (
        <BrowserPane key={browser.length} screen={screen} {...bodySize(size)} style={style} />
      )}
      <Row
        line={statusLine(mirror, ui, {
          width: size.columns,
          retryKey: firstKeyOf(dashboard.keymap, "engine.retry"),
          workKey: firstKeyOf(dashboard.keymap, "work.open"),
          now,
        })}
        style={fresh}
        width={size.columns}
      />
      <Row
        line={
          urgentLine(ui, size.columns) ??
          footerLine(dashboard.keymap, place, {
            width: size.columns,
            isEmpty: screen === undefined && isEmpty(mirror, ui.focus),
            without: withoutUse(screen),
          })
        }
        style={style}
        width={size.columns}
      />
      {overlay !== null && (
        <Box position="absolute" left={overlay.left} top={overlay.top}>
          <Panel {...overlay} focused style={style} />
        </Box>
      )}
    </Box>
  );
}

type BodyProps = { readonly region: Region; readonly pane: Omit<PaneProps, "columns" | "rows" | "focused" | "title"> };

function Body({ region, pane }: BodyProps) {
  if (region.kind === "split") {
    return (
      <Box flexDirection={region.direction}>
        {region.parts.map((part) => (
          <Body key={keyOf(part)} region={part} pane={pane} />
        ))}
      </Box>
    );
  }
  const Component = paneComponents[region.pane];
  const { mirror, ui } = pane;
  const counts = {
    containers: mirror.containers.length,
    images: mirror.images.length,
    layers: mirror.layers.result?.layers.length ?? null,
    logs: null,
    stats: null,
    networks: mirror.networks.length,
    volumes: mirror.volumes.length,
  };
  return (
    <Component
      {...pane}
      columns={region.columns}
      rows={region.rows}
      focused={ui.focus === region.pane}
      title={paneTitle(region, counts)}
    />
  );
}

/** A pane keeps its scroll place when others change around it. */
function keyOf(region: Region): string {
  return region.kind === "pane" ? region.pane : region.parts.map(keyOf).join(" ");
}

function Row({ line, style, width }: { readonly line: Line; readonly style: Style; readonly width: number }) {
  return <Text wrap="truncate">{paint([fitLine(line, width)], style)}</Text>;
}

function TooSmall({ size, style }: { readonly size: Size; readonly style: Style }) {
  const lines = [
    "This terminal is a little small:",
    `${size.columns}x${size.rows}, and ${smallest.columns}x${smallest.rows} is needed.`,
    "Make it larger, or q to quit.",
  ].slice(0, size.rows);
  return (
    <Box width={size.columns} height={size.rows} overflow="hidden" flexDirection="column">
      {lines.map((text) => (
        <Row key={text} line={{ spans: [span(text)] }} style={style} width={size.columns} />
      ))}
    </Box>
  );
}

/** What does nothing there: an image needs not to be made into one, and a volume has no layers. */
function withoutUse(screen: BrowserScreenState | undefined): readonly CommandID[] {
  if (screen?.kind !== "files" || screen.browsed.type === "container") return [];
  return screen.browsed.type === "image" ? ["files.commit"] : ["files.commit", ...ofLayers];
}

const ofLayers = [
  "files.view",
  "files.changed",
  "files.waste",
  "layer.previous",
  "layer.next",
  "layer.details",
] as const;

/** True where the pane has nothing that a key could act on. */
function isEmpty(mirror: Mirror, pane: Pane): boolean {
  if (pane === "images" || pane === "networks" || pane === "volumes") return mirror[pane].length === 0;
  return mirror.containers.length === 0 && pane !== "layers";
}
