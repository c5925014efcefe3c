import { homedir } from "node:os";
import { resolve } from "node:path";
import { EngineError } from "../../../engine/errors.ts";
import type { FileSubject } from "../../../engine/protocol/files.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { localDestination, planCopy } from "../../cli/copy/go-paths.ts";
import { LocalUnpacker } from "../../cli/copy/unpack-local.ts";
import { download } from "../../client/download.ts";
import { lastColumns } from "../../components/spans.ts";
import stringWidth from "../../components/string-width.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import { subjectOf } from "../../store/browser.ts";
import { itemAt } from "../../store/paged.ts";
import { inputOf } from "../../store/text-input.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { doWork } from "../images/own-work.ts";
import { topScreen } from "./actions.ts";
import { shellWord } from "./shell-word.ts";

/** What is to be extracted. `size`: bytes, or null where that is not known. */
type Extracted = {
  readonly subject: FileSubject;
  /** Of the image or the container. */
  readonly name: string;
  readonly path: string;
  readonly isDirectory: boolean;
  readonly size: number | null;
  /** True where all layers are looked at. */
  readonly isWhole: boolean;
};

/** Asks where to, the working directory at first. What is meant is fixed now, whatever the cursor does meanwhile. */
export function askExtract(dashboard: Dashboard): void {
  if (running !== null) {
    const question = "stop the extraction under way?";
    const prompt = { kind: "confirm", question, command: "files.extract", targets: [] } as const;
    dashboard.ui.dispatch({ type: "prompt", prompt });
    return;
  }
  const what = extractedHere(dashboard);
  if (what === null) return;
  dashboard.ui.dispatch({
    type: "prompt",
    prompt: {
      kind: "line",
      label: `extract ${shortPath(what.path)} to`,
      command: "files.extract",
      targets: [JSON.stringify(what)],
      input: inputOf(`${process.cwd().replace(/\/+$/, "")}/`),
      offer: "",
    },
  });
}

/** Room is wanted for what is typed. */
const longestLabel = 36;

function shortPath(path: string): string {
  const safe = screenText(path);
  return stringWidth(safe) <= longestLabel ? safe : glyphs.ellipsis + lastColumns(safe, longestLabel - 1);
}

function extractedHere(dashboard: Dashboard): Extracted | null {
  const screen = topScreen(dashboard);
  if (screen?.kind === "file") {
    const { subject, name, path, size } = screen;
    return { subject, name, path, isDirectory: false, size, isWhole: subject.layer === null };
  }
  if (screen?.kind !== "files") return null;
  const entry = itemAt(screen.list, screen.list.cursor);
  if (entry === null) return null;
  if (entry.change === "removed") {
    flash(dashboard, {
      tone: "info",
      message: `${screenText(entry.path)} was removed`,
      hint: "[ shows it in the layer below",
    });
    return null;
  }
  return {
    subject: subjectOf(screen.browsed, screen.choice),
    name: screen.browsed.name,
    path: entry.path,
    isDirectory: entry.type === "directory",
    size: entry.size,
    isWhole: screen.choice.view === "upTo" && screen.choice.layer === screen.layers.length - 1,
  };
}

let nextTask = -1;

/** What ends the extraction under way. One at a time: a second would only make both slower. */
let running: AbortController | null = null;

/** Unpacks it there, as `gantry cp` does: below that directory and nowhere else. */
export async function extract(dashboard: Dashboard, targets: readonly string[], typed: string): Promise<void> {
  const what = JSON.parse(targets[0] ?? "null") as Extracted | null;
  if (what === null || typed.trim() === "") return;
  const destination = resolve(expandHome(typed.trim())) + (/\/\.?$/.test(typed.trim()) ? "/" : "");
  const title = `extracting ${screenText(what.path)}`;
  const controller = new AbortController();
  running = controller;
  const id = nextTask--;
  const report = (bytes: number) => dashboard.ui.dispatch({ type: "task", task: taskOf(what, { id, title, bytes }) });
  report(0);
  try {
    await doWork(dashboard, title, async () => {
      const bytes = await copyOut(dashboard, what, { destination, report, signal: controller.signal });
      const message = `extracted ${screenText(what.path)} (${formatBytes(bytes)}) to ${screenText(destination)}`;
      flash(dashboard, { tone: "ok", message, twin: twinOf(what, destination) });
    });
  } finally {
    running = null;
    dashboard.ui.dispatch({ type: "task-done", id });
  }
}

/** What was written by then stays. */
export async function stopExtract(): Promise<void> {
  running?.abort();
}

type Destination = {
  readonly destination: string;
  readonly report: (bytes: number) => void;
  readonly signal: AbortSignal;
};

/** Milliseconds between two frames that tell how far it is. */
const reportInterval = 250;

async function copyOut(
  dashboard: Dashboard,
  what: Extracted,
  { destination, report, signal }: Destination,
): Promise<number> {
  const { subject, path, isDirectory } = what;
  const source = { path, exists: true, isDirectory, rebaseName: "" };
  using unpacker = new LocalUnpacker(planCopy(source, localDestination(destination)));
  let received = 0;
  let reported = Date.now();
  await download(
    dashboard.client,
    async (bytes) => {
      if (signal.aborted) throw new EngineError("cancelled", "cancelled");
      await unpacker.write(bytes);
      received += bytes.length;
      if (Date.now() - reported < reportInterval) return;
      reported = Date.now();
      report(received);
    },
    (streamID) => dashboard.client.request("files.archive", { subject, path, streamID }),
  );
  await unpacker.end();
  return what.size ?? received;
}

type Progress = { readonly id: number; readonly title: string; readonly bytes: number };

/** A tar is a little longer than what is in it. */
function taskOf({ size }: Extracted, { id, title, bytes }: Progress) {
  const total = size ?? 0;
  return { id, title, done: Math.min(bytes, total), total, isShare: true };
}

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

/** The same on the command line. A container as a whole is what `cp` knows; layers are told to `layers`. */
export function twinOf(
  { subject, name, path, isWhole }: Omit<Extracted, "size" | "isDirectory">,
  destination: string,
): string {
  const [subjectName, from, to] = [name, path, destination].map(shellWord);
  if (subject.type === "container" && isWhole) return `gantry cp ${shellWord(`${name}:${path}`)} ${to}`;
  if (subject.type === "volume")
    return `gantry volume export ${subjectName} | tar -x -C ${to} ${shellWord(`.${path}`)}`;
  const layer = subject.layer === null ? "" : ` --${subject.view === "layer" ? "layer" : "up-to"} ${subject.layer}`;
  return `gantry layers -o -${layer} ${subjectName} ${from} | tar -x -C ${to}`;
}
