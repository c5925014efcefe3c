import { screenText } from "../format/screen-text.ts";
import { buildTwin, createBuild } from "../panes/builds/create-form.ts";
import { changeLimits, limitsTwin } from "../panes/containers/limits-form.ts";
import { commit, commitTwin } from "../panes/files/commit.ts";
import { createContainer } from "../panes/images/actions.ts";
import { createTwin } from "../panes/images/create-request.ts";
import { createNetwork, networkTwin } from "../panes/networks/create-form.ts";
import { createVolume, volumeTwin } from "../panes/volumes/create-form.ts";
import type { Form, FormPurpose } from "../store/form.ts";
import type { Dashboard } from "./dashboard.ts";

type Handler = {
  readonly submit: (dashboard: Dashboard, form: Form) => Promise<void>;
  /** The same as a command line. Fails with a UsageError where a value is none. */
  readonly twin: (form: Form) => string;
};

/** What each form does. */
const handlers: Readonly<Record<FormPurpose, Handler>> = {
  "build.create": { submit: createBuild, twin: buildTwin },
  "container.create": { submit: createContainer, twin: createTwin },
  "container.limits": { submit: changeLimits, twin: limitsTwin },
  "files.commit": { submit: commit, twin: commitTwin },
  "network.create": { submit: createNetwork, twin: networkTwin },
  "volume.create": { submit: createVolume, twin: volumeTwin },
};

export function submitForm(dashboard: Dashboard, form: Form): Promise<void> {
  return handlers[form.purpose].submit(dashboard, form);
}

/** The command line that does what a form would, safe to show; empty while a value is none. */
export function formTwin(form: Form): string {
  try {
    return screenText(handlers[form.purpose].twin(form));
  } catch {
    // What is wrong is said when the form is sent.
    return "";
  }
}
