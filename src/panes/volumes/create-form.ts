import type { CreateVolumeRequest } from "../../../engine/protocol/volumes.ts";
import type { Dashboard } from "../../app/dashboard.ts";
import { type Field, type Form, openForm as newForm, textOf } from "../../store/form.ts";
import { openForm, submitting } from "../forms/submit.ts";
import { command, flag, pairsIn } from "../forms/values.ts";
import { volumeName } from "./view-model.ts";

const fields: readonly Field[] = [
  { id: "name", label: "Name", hint: "made up when empty" },
  { id: "type", label: "Type", hint: "a directory of this host when empty; tmpfs, nfs, none" },
  { id: "device", label: "Device", hint: "tmpfs; :/export of nfs; /srv/data with the option bind" },
  { id: "o", label: "Options", hint: "size=64m; addr=10.0.0.5,rw; bind" },
  { id: "labels", label: "Labels", hint: "team=web  backup=yes" },
];

export function volumeForm(): Form {
  return newForm({
    purpose: "volume.create",
    subject: "",
    title: "New volume",
    name: "",
    enter: "create",
    doing: "creating",
    fields,
  });
}

export function openVolumeForm(dashboard: Dashboard): void {
  openForm(dashboard, volumeForm());
}

export function volumeRequest(form: Form): CreateVolumeRequest {
  const options = ["type", "device", "o"]
    .map((key) => [key, textOf(form, key)] as const)
    .filter(([, value]) => value !== "");
  return {
    name: textOf(form, "name"),
    driver: "local",
    options: Object.fromEntries(options),
    labels: pairsIn("labels", textOf(form, "labels")),
  };
}

/** The same as a command line. */
export function volumeTwin(form: Form): string {
  const { name, options, labels } = volumeRequest(form);
  return command(
    "gantry volume create",
    Object.entries(options).flatMap(([key, value]) => flag("-o", `${key}=${value}`)),
    Object.entries(labels).flatMap(([key, value]) => flag("--label", `${key}=${value}`)),
    name,
  );
}

export function createVolume(dashboard: Dashboard, form: Form): Promise<void> {
  return submitting(dashboard, form, async () => {
    const volume = await dashboard.client.request("volumes.create", volumeRequest(form));
    dashboard.ui.dispatch({ type: "select", pane: "volumes", selection: { id: volume.name, index: 0 } });
    return { message: `made volume ${volumeName(volume)}`, twin: volumeTwin(form) };
  });
}
