import { EngineError, messageOf } from "../../../engine/errors.ts";
import type { Credentials } from "../../../engine/protocol/transfers.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { flashError } from "../../app/run-on-each.ts";
import { findAccount } from "../../client/accounts/accounts.ts";
import { screenText } from "../../format/screen-text.ts";

let nextWork = 1;

/** Runs long work that ends with this dashboard, and says why where it fails. */
export async function doWork(dashboard: Dashboard, title: string, run: () => Promise<void>): Promise<void> {
  const id = nextWork++;
  dashboard.ui.dispatch({ type: "work", work: { id, title } });
  try {
    await run();
  } catch (cause) {
    const isCancelled = cause instanceof EngineError && cause.code === "cancelled";
    if (isCancelled) flash(dashboard, { tone: "warn", message: `${title} was cancelled` });
    else flashError(dashboard, cause);
  } finally {
    dashboard.ui.dispatch({ type: "work-done", id });
  }
}

/** The user's credentials for a registry. As docker goes on without them where they cannot be had, but says so. */
export async function credentialsFor(dashboard: Dashboard, registry: string): Promise<Credentials | null> {
  try {
    return (await findAccount(registry, "none"))?.credentials ?? null;
  } catch (cause) {
    const message = `${screenText(messageOf(cause))}; going on without an account at ${screenText(registry)}`;
    flash(dashboard, { tone: "warn", message });
    return null;
  }
}
