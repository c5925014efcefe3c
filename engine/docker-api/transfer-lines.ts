import { parseReference } from "../oci/reference.ts";
import type { Progress, ProgressPart } from "../protocol/rpc.ts";
import type { PulledImage, PushedImage } from "../protocol/transfers.ts";
import type { JsonLines } from "./json-lines.ts";

type Phase = ProgressPart["phase"];
type Lines = Pick<JsonLines, "send" | "offer" | "end">;

/** What a layer comes to on its way, and docker's words for it; none is left out. Null: told by how far it is. */
type Steps = readonly (readonly [phase: Phase, status: string | null])[];
type Ends = Partial<Record<Phase, string>>;

const pullSteps: Steps = [
  ["waiting", "Pulling fs layer"],
  ["downloading", null],
  ["unpacking", "Download complete"],
  ["done", "Pull complete"],
];
const pullEnds: Ends = { present: "Already exists" };
const pushSteps: Steps = [
  ["waiting", "Preparing"],
  ["uploading", null],
  ["done", "Pushed"],
];
const pushEnds: Ends = { present: "Layer already exists", mounted: "Mounted" };
const movingWords: Partial<Record<Phase, string>> = {
  downloading: "Downloading",
  uploading: "Pushing",
  unpacking: "Extracting",
};

/** Tells of layers: each step once, though it may have come and gone between two looks, and how far one is while it moves. */
class LayerLines {
  readonly #lines: Lines;
  readonly #steps: Steps;
  readonly #ends: Ends;
  /** How many of the steps were told, by layer. */
  readonly #told = new Map<string, number>();

  constructor(lines: Lines, steps: Steps, ends: Ends) {
    this.#lines = lines;
    this.#steps = steps;
    this.#ends = ends;
  }

  show(parts: readonly ProgressPart[]): void {
    for (const part of parts) this.#showPart(part);
  }

  #showPart(part: ProgressPart): void {
    const { id, phase } = part;
    const told = this.#told.get(id);
    const end = this.#ends[phase];
    // A layer that is here already waits for a moment, too: that is no news.
    if (told === undefined && phase === "waiting") this.#told.set(id, 0);
    else if (end !== undefined) this.#showEnd(id, told ?? 0, end);
    else this.#showSteps(part, told ?? 0);
  }

  /** What has travelled is not called present, though it is found then. */
  #showEnd(id: string, told: number, status: string): void {
    if (told <= 1) this.#send(id, status);
    this.#told.set(id, this.#steps.length);
  }

  #showSteps(part: ProgressPart, told: number): void {
    const { id, phase } = part;
    const reached = this.#steps.findIndex(([step]) => step === phase) + 1;
    for (const [, status] of this.#steps.slice(told, Math.max(told, reached))) {
      if (status !== null) this.#send(id, status);
    }
    this.#told.set(id, Math.max(told, reached));
    const moving = movingWords[phase];
    if (moving !== undefined && reached >= told) this.#lines.offer(progressLine(moving, part));
  }

  #send(id: string, status: string): void {
    this.#lines.send({ status, progressDetail: {}, id });
  }
}

/** Turns the progress of a pull into docker's lines. Where nothing is new it says nothing of layers. */
export class PullLines {
  readonly #lines: Lines;
  #object: string | null = null;
  #layers: LayerLines | null = null;
  #newest: readonly ProgressPart[] = [];
  #hasNews = false;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  show({ object, parts }: Progress): void {
    if (parts === undefined) return;
    if (object !== this.#object) this.#turnTo(object);
    this.#newest = parts;
    this.#hasNews ||= parts.some(({ phase }) => phase !== "waiting" && phase !== "present");
    if (this.#hasNews) this.#layers?.show(parts);
  }

  /** The pull was a success. `asked`: the name as the person gave it. */
  end(images: readonly PulledImage[], asked: string): void {
    const isNew = images.some((image) => image.isNew);
    if (isNew) this.#layers?.show(this.#newest);
    for (const { digest } of images) this.#lines.send({ status: `Digest: ${digest}` });
    this.#lines.send({ status: `Status: ${isNew ? "Downloaded newer image" : "Image is up to date"} for ${asked}` });
    this.#lines.end();
  }

  #turnTo(object: string): void {
    const { repository, tag, digest } = parseReference(object);
    this.#object = object;
    this.#layers = new LayerLines(this.#lines, pullSteps, pullEnds);
    this.#hasNews = false;
    this.#lines.send({ status: `Pulling from ${repository}`, id: tag ?? digest ?? "latest" });
  }
}

/** Turns the progress of a push into docker's lines. */
export class PushLines {
  readonly #lines: Lines;
  #object: string | null = null;
  #layers: LayerLines | null = null;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  /** repository: its whole name. */
  begin(repository: string): void {
    this.#lines.send({ status: `The push refers to repository [${repository}]` });
  }

  show({ object, parts, phase, current, total }: Progress): void {
    if (parts === undefined) {
      if (phase === "compressing") this.#lines.offer(progressLine("Compressing", { id: object, current, total }));
      return;
    }
    if (object !== this.#object || this.#layers === null) {
      this.#object = object;
      this.#layers = new LayerLines(this.#lines, pushSteps, pushEnds);
    }
    this.#layers.show(parts);
  }

  end(images: readonly PushedImage[]): void {
    for (const { reference, digest, size } of images) {
      const tag = parseReference(reference).tag ?? "latest";
      this.#lines.send({ status: `${tag}: digest: ${digest} size: ${size}` });
      this.#lines.send({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
    }
    this.#lines.end();
  }
}

type Amount = Pick<ProgressPart, "id" | "current" | "total">;

/** docker's JSONMessage with its JSONProgress, in numbers and as older clients show it. */
export function progressLine(status: string, { id, current, total }: Amount): object {
  const progressDetail = { ...(current > 0 ? { current } : {}), ...(total ? { total } : {}) };
  const progress = describeAmount(current, total ?? 0);
  return { status, progressDetail, ...(progress === "" ? {} : { progress }), id };
}

const barWidth = 50;

function describeAmount(current: number, total: number): string {
  if (current <= 0 && total <= 0) return "";
  const done = formatSize(current).padStart(8);
  if (total <= 0) return done;
  const filled = Math.min(barWidth, Math.floor((current / total) * barWidth));
  const bar = `[${"=".repeat(filled)}>${" ".repeat(barWidth - filled)}]`;
  return current > total ? `${bar} ${done}` : `${bar} ${done}/${formatSize(total)}`;
}

/** As go-units' HumanSize: four digits. */
function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
