import { EngineError } from "../../engine/errors.ts";
import { screenText } from "../format/screen-text.ts";
import { type Dashboard, flash } from "./dashboard.ts";

export type Target = { readonly id: string; readonly name: string };

export type Deed = {
  /** `stopping`, while it lasts. */
  readonly doing: string;
  /** `stopped`, afterwards. */
  readonly done: string;
  /** The same on the command line, without the names: `gantry stop`. */
  readonly twin: string;
  /** It mostly waits for the containers themselves, so that many may wait at once. */
  readonly isPatient?: boolean;
  readonly act: (target: Target) => Promise<unknown>;
};

/** So many at a time, as the engine has work to do for each. */
const atOnce = 4;
const patientAtOnce = 32;

let nextTask = 1;

/** Names a task in the status line. */
export function newTaskID(): number {
  return nextTask++;
}

/** Does it to each target, shows how far it is, and tells the result in one line. */
export async function runOnEach(dashboard: Dashboard, targets: readonly Target[], deed: Deed): Promise<void> {
  if (targets.length === 0) return;
  const id = newTaskID();
  const what = describe(targets);
  let done = 0;
  const report = () =>
    dashboard.ui.dispatch({ type: "task", task: { id, title: `${deed.doing} ${what}`, done, total: targets.length } });
  report();
  const failures: unknown[] = [];
  const waiting = [...targets];
  const worker = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      try {
        await deed.act(target);
      } catch (cause) {
        failures.push(cause);
      }
      done += 1;
      report();
    }
  };
  await Promise.all(
    Array.from({ length: Math.min(deed.isPatient === true ? patientAtOnce : atOnce, targets.length) }, worker),
  );
  dashboard.ui.dispatch({ type: "task-done", id });
  tell(dashboard, { targets, deed, failures });
}

function tell(
  dashboard: Dashboard,
  result: { readonly targets: readonly Target[]; readonly deed: Deed; readonly failures: readonly unknown[] },
): void {
  const { targets, deed, failures } = result;
  const [first] = failures;
  if (first === undefined) {
    const names = targets.map((target) => target.name).join(" ");
    flash(dashboard, {
      tone: "ok",
      message: `${deed.done} ${describe(targets)}`,
      twin: deed.twin === "" ? "" : `${deed.twin} ${names}`,
    });
    return;
  }
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : "";
  flash(dashboard, { tone: "error", message: failureText(first) + more, hint: hintOf(first) });
}

/** `web-1`, or `3 containers` with the first names. */
export function describe(targets: readonly Target[]): string {
  const names = targets.map((target) => target.name);
  if (names.length <= 3) return names.join(", ");
  return `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}

/** An error in words that are safe to show. */
export function failureText(cause: unknown): string {
  return screenText(cause instanceof Error ? cause.message : String(cause));
}

export function hintOf(cause: unknown): string {
  return cause instanceof EngineError && cause.hint !== null ? screenText(cause.hint) : "";
}

/** Shows a failure in the flash line. */
export function flashError(dashboard: Dashboard, cause: unknown): void {
  flash(dashboard, { tone: "error", message: failureText(cause), hint: hintOf(cause) });
}
