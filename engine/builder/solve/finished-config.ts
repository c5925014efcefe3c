import type { HistoryDocument } from "../../oci/image-config.ts";
import type { StageState } from "./stage-state.ts";

export type FinishOptions = {
  /** Of the request: they go over those of the Dockerfile. */
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970: no time is later. */
  readonly epoch: number | null;
  /** RFC 3339, where no step tells one. */
  readonly now: string;
};

/** The config of the image that a stage has become. Steps without a time have that of the step before: the same steps make the same image. */
export function finishedConfig(state: StageState, { labels, epoch, now }: FinishOptions) {
  const latest = epoch === null ? null : new Date(epoch * 1000).toISOString();
  const history = fillTimes(state.history, now).map((entry) => clamped(entry, latest));
  const { architecture, os, variant } = state.platform;
  const Labels = { ...state.config.Labels, ...labels };
  return {
    architecture,
    os,
    ...(variant ? { variant } : {}),
    ...(state.author === "" ? {} : { author: state.author }),
    created: latest ?? newest(history) ?? now,
    config: withoutNulls({ ...state.config, ...(Object.keys(Labels).length > 0 ? { Labels } : {}) }),
    history,
  };
}

/** An image's steps may lack times, too: they are left as they are. */
function fillTimes(history: readonly HistoryDocument[], now: string): HistoryDocument[] {
  const first = history.find(({ created }) => created)?.created ?? now;
  let last = first;
  return history.map((entry) => {
    last = entry.created || last;
    return { created: last, ...entry, ...(entry.created ? {} : { created: last }) };
  });
}

function clamped(entry: HistoryDocument, latest: string | null): HistoryDocument {
  const isLater = latest !== null && Date.parse(entry.created ?? "") > Date.parse(latest);
  return { ...entry, ...(isLater ? { created: latest } : {}) };
}

function newest(history: readonly HistoryDocument[]): string | null {
  return history.at(-1)?.created ?? null;
}

function withoutNulls<T extends Record<string, unknown>>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null && field !== undefined)) as T;
}
