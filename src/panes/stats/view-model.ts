import type { StatsSample } from "../../../engine/protocol/stats.ts";
import { formatBinaryBytes } from "../../format/bytes.ts";

/** One chart of the stats pane: what it shows, its newest value in words, and the curve. */
export type Chart = {
  readonly id: "cpu" | "memory" | "network" | "blockIO";
  readonly title: string;
  /** The newest values, for the heading. */
  readonly values: readonly ChartValue[];
  /** Same length and order as `values`; scaled by `unit`. */
  readonly curves: readonly (readonly number[])[];
  /** At the end of the y axis, in the chart's unit. */
  readonly top: number;
  /** Of the y axis, e.g. `MiB`. */
  readonly unit: string;
  /** Against the limit, 0-1, or null where there is none to show. */
  readonly gauge: { readonly share: number; readonly text: string } | null;
};

export type ChartValue = { readonly label: string; readonly text: string };

/** The charts of one container from its samples, oldest first. */
export function charts(samples: readonly StatsSample[]): readonly Chart[] {
  const newest = samples.at(-1);
  if (newest === undefined) return [];
  return [
    cpuChart(samples, newest),
    memoryChart(samples, newest),
    networkChart(samples, newest),
    blockChart(samples, newest),
  ];
}

function cpuChart(samples: readonly StatsSample[], newest: StatsSample): Chart {
  const curve = samples.map((sample) => sample.cpu.percent ?? 0);
  const throttled = newest.cpu.throttledPercent ?? 0;
  const share = (newest.cpu.percentOfLimit ?? 0) / 100;
  return {
    id: "cpu",
    title: "CPU",
    values: [
      { label: "", text: `${(newest.cpu.percent ?? 0).toFixed(1)} %` },
      ...(throttled > 0 ? [{ label: "throttled", text: `${throttled.toFixed(0)} %` }] : []),
    ],
    curves: [curve],
    top: roundUp(Math.max(...curve, 1)),
    unit: "%",
    gauge: { share, text: `${(share * 100).toFixed(0)} % of ${coresText(newest.cpu.cores)}` },
  };
}

function memoryChart(samples: readonly StatsSample[], newest: StatsSample): Chart {
  const scale = scaleFor(Math.max(...samples.map((sample) => sample.memory.used)));
  const curve = samples.map((sample) => sample.memory.used / scale.divisor);
  const { used, cache, limit, limited } = newest.memory;
  const share = limit > 0 ? used / limit : 0;
  return {
    id: "memory",
    title: "Memory",
    values: [
      { label: "", text: formatBinaryBytes(used) },
      { label: "cache", text: formatBinaryBytes(cache) },
    ],
    curves: [curve],
    top: roundUp(Math.max(...curve, 0.1)),
    unit: scale.unit,
    gauge: { share, text: `${percentText(share)} of ${formatBinaryBytes(limit)}${limited ? "" : " (host)"}` },
  };
}

function networkChart(samples: readonly StatsSample[], newest: StatsSample): Chart {
  return rates("network", "Network", {
    first: {
      label: "in",
      curve: samples.map((sample) => sample.network.receiveRate ?? 0),
      now: newest.network.receiveRate,
    },
    second: {
      label: "out",
      curve: samples.map((sample) => sample.network.sendRate ?? 0),
      now: newest.network.sendRate,
    },
  });
}

function blockChart(samples: readonly StatsSample[], newest: StatsSample): Chart {
  return rates("blockIO", "Disk", {
    first: {
      label: "read",
      curve: samples.map((sample) => sample.blockIO.readRate ?? 0),
      now: newest.blockIO.readRate,
    },
    second: {
      label: "write",
      curve: samples.map((sample) => sample.blockIO.writeRate ?? 0),
      now: newest.blockIO.writeRate,
    },
  });
}

type Rate = { readonly label: string; readonly curve: readonly number[]; readonly now: number | null };

function rates(id: Chart["id"], title: string, pair: { readonly first: Rate; readonly second: Rate }): Chart {
  // Below one KiB a second nothing is going on, and the axis need not magnify it.
  const scale = scaleFor(Math.max(1024, ...pair.first.curve, ...pair.second.curve));
  const curves = [pair.first, pair.second].map((rate) => rate.curve.map((value) => value / scale.divisor));
  return {
    id,
    title,
    values: [pair.first, pair.second].map((rate) => ({
      label: rate.label,
      text: `${formatBinaryBytes(rate.now ?? 0)}/s`,
    })),
    curves,
    top: roundUp(Math.max(...curves.flat(), 1)),
    unit: `${scale.unit}/s`,
    gauge: null,
  };
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

function scaleFor(bytes: number): { readonly divisor: number; readonly unit: string } {
  const exponent = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return { divisor: 1024 ** exponent, unit: units[exponent] ?? "B" };
}

/** The next of 1, 2, 4 and 8 times a power of ten: they can be divided into steps that read well. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 8, 10].find((factor) => factor * power >= value * 0.999_999) ?? 10;
  return step * power;
}

function percentText(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

function coresText(cores: number): string {
  const number = Number.isInteger(cores) ? String(cores) : cores.toFixed(2);
  return cores === 1 ? "1 core" : `${number} cores`;
}

/** Into how many steps an axis that ends at `top` is divided. */
export function axisSteps(top: number, height: number): number {
  if (height < 8) return 2;
  const leading = top / 10 ** Math.floor(Math.log10(top) + 1e-9);
  return Math.round(leading) === 1 ? 5 : 4;
}

/** The newest `count` values; where there are fewer they begin at the left as if it had been zero before. */
export function tail(values: readonly number[], count: number): readonly number[] {
  const shown = values.slice(-count);
  return shown.length === count ? shown : [...new Array<number>(count - shown.length).fill(0), ...shown];
}
