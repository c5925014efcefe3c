import { gauge } from "../components/charts/contrib.ts";
import { spread, widthOf } from "../components/spans.ts";
import { percent, progressBar, workRow } from "../panes/work/view-model.ts";
import type { Mirror } from "../store/mirror.ts";
import type { Task } from "../store/ui.ts";
import { type Span, span } from "../theme/tokens.ts";

export type WorkLineOptions = { readonly width: number; readonly workKey: string | null; readonly now: number };

/** Less room is not worth a name. */
const narrowest = 34;

/** The first of what is under way in one line, how many there are beside it, and the key that shows all. */
export function workSpans(
  { operations, paces }: Pick<Mirror, "operations" | "paces">,
  tasks: readonly Task[],
  { width, workKey, now }: WorkLineOptions,
): Span[] {
  const [task] = tasks;
  const [operation] = operations;
  const more = tasks.length + operations.length - 1;
  const rest = more > 0 ? [span(`  +${more}`, "muted")] : [];
  if (task !== undefined) return shorten([...taskSpans(task), ...rest], width);
  if (operation === undefined) return [];
  const row = workRow(operation, paces.get(operation.id) ?? [], { now, short: width < 70 });
  const key = workKey === null ? [] : [span(`  ${workKey}`, "key")];
  const share =
    row.share === null ? [] : [span(" "), ...progressBar(row.share, 12), span(percent(row.share).padStart(5))];
  const amount = row.share === null && row.amount !== "" ? [span(` ${row.amount}`, "muted")] : [];
  const head = [span(row.title, "info")];
  if (width < narrowest) return widthOf(key) <= width ? key : [];
  const tail = [...share, ...amount, ...rest, ...key];
  // From the most to the least: what there is no room for is left out before the name is cut.
  const middles = [
    [[span(` ${row.state}`, "muted")], [span(pad(row.rate, 9), "muted"), span(pad(row.left, 5), "muted")]],
    [[], [span(pad(row.rate, 9), "muted"), span(pad(row.left, 5), "muted")]],
    [[], [span(pad(row.left, 5), "muted")]],
  ] as const;
  for (const [state, numbers] of middles) {
    const spans = [...head, ...state, ...share, ...amount, ...numbers, ...rest, ...key];
    if (widthOf(spans) <= width) return spans;
  }
  return [...shorten(head, width - widthOf(tail)), ...tail];
}

/** Numbers keep their place while they change. */
function pad(text: string, width: number): string {
  return `  ${text}`.padStart(width + 1);
}

function taskSpans(task: Task): Span[] {
  if (task.isShare === true) {
    const share = task.total === 0 ? 0 : task.done / task.total;
    const bar = task.total === 0 ? [] : [span(" "), ...progressBar(share, 12), span(percent(share).padStart(5))];
    return [span(task.title, "info"), ...bar];
  }
  const counts = task.total > 1 ? ` ${task.done}/${task.total}` : "";
  const bar = task.total > 1 ? [span(" "), ...gauge(task.done / task.total, "bar", 12).spans] : [];
  return [span(task.title, "info"), span(counts, "muted"), ...bar];
}

function shorten(spans: readonly Span[], width: number): Span[] {
  return widthOf(spans) <= width ? [...spans] : [...spread(spans, [], width).spans];
}
