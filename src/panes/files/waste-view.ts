import { gauge } from "../../components/charts/contrib.ts";
import { loadTone, miniBar } from "../../components/spans.ts";
import type { Column } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Waste } from "../../store/browser.ts";
import { emptyLine, type Line, line, span, type Tone } from "../../theme/tokens.ts";
import { calm } from "./tree-view.ts";

export type WasteRow = Waste["files"][number] & { readonly id: string };

export function wasteRows({ files }: Waste): readonly WasteRow[] {
  return files.map((file) => ({ ...file, id: file.path }));
}

/** Efficiency as a gauge, and what it stands for. */
export function wasteHead(waste: Waste, width: number): Line[] {
  const share = waste.efficiency;
  const text = ` ${percentText(share)}`;
  const bar = gauge(share, efficiencyTone(share), Math.max(10, Math.min(60, width - 14 - text.length)));
  return [
    line(span(" Efficiency  ", "title"), ...bar.spans, span(text, "strong")),
    line(
      span(" Wasted      ", "title"),
      span(formatBytes(waste.wastedBytes), waste.wastedBytes > 0 ? "strong" : "muted"),
      span(` of ${formatBytes(waste.totalBytes)}, in layers where nobody can see it from above`, "muted"),
    ),
    emptyLine,
  ];
}

/** Rounded down: only what is whole is 100 %. */
export function percentText(share: number): string {
  return `${Math.floor(share * 1e3) / 10} %`;
}

/** The less is left of it, the worse: the reverse of a load. */
function efficiencyTone(share: number): Tone {
  return share >= 0.95 ? "ok" : loadTone(share >= 0.8 ? 0.8 : 0.95);
}

export function wasteColumns(largest: number): readonly Column<WasteRow>[] {
  return [
    {
      title: "WASTED",
      minimum: 8,
      maximum: 8,
      priority: 0,
      align: "right",
      spans: ({ bytes }) => [span(formatBytes(bytes))],
    },
    {
      title: "",
      minimum: 8,
      maximum: 8,
      priority: 3,
      spans: ({ bytes }) => (bytes === 0 || largest === 0 ? [] : miniBar(bytes / largest, 8).map(calm)),
    },
    {
      title: "LAYERS",
      minimum: 6,
      maximum: 6,
      priority: 2,
      align: "right",
      spans: ({ layers }) => [span(String(layers), "muted")],
    },
    {
      title: "PATH",
      minimum: 20,
      maximum: 400,
      priority: 0,
      cutsStart: true,
      spans: ({ path }) => [span(screenText(path))],
    },
  ];
}
