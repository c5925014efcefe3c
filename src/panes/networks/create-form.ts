import type { CreateNetworkRequest } from "../../../engine/protocol/networks.ts";
import type { Dashboard } from "../../app/dashboard.ts";
import { UsageError } from "../../cli/parse/usage-error.ts";
import { screenText } from "../../format/screen-text.ts";
import { type Field, type Form, isYes, openForm as newForm, textOf } from "../../store/form.ts";
import { openForm, submitting } from "../forms/submit.ts";
import { command, flag, pairsIn, words } from "../forms/values.ts";

const drivers = ["bridge", "macvlan", "ipvlan"] as const;
const answers = ["no", "yes"];

const fields: readonly Field[] = [
  { id: "name", label: "Name", hint: "web" },
  { id: "driver", label: "Driver", hint: "bridge, macvlan or ipvlan", choices: drivers },
  { id: "subnets", label: "Subnet", hint: "chosen when empty; 10.5.0.0/24  fd00:5::/64" },
  { id: "gateways", label: "Gateway", hint: "the first address when empty" },
  { id: "internal", label: "Internal", hint: "yes: no way out and none in", choices: answers },
  { id: "ipv6", label: "IPv6", hint: "yes or no", choices: answers },
  { id: "options", label: "Options", hint: "parent=eth0  com.docker.network.driver.mtu=1400" },
];

export function networkForm(): Form {
  return newForm({
    purpose: "network.create",
    subject: "",
    title: "New network",
    name: "",
    enter: "create",
    doing: "creating",
    fields,
    values: { driver: "bridge", internal: "no", ipv6: "no" },
  });
}

export function openNetworkForm(dashboard: Dashboard): void {
  openForm(dashboard, networkForm());
}

export function networkRequest(form: Form): CreateNetworkRequest {
  const name = textOf(form, "name");
  if (name === "") throw new UsageError("name: a network needs one");
  const wanted = textOf(form, "driver") || "bridge";
  const driver = drivers.find((one) => one === wanted);
  if (driver === undefined) throw new UsageError(`driver: "${wanted}" is not one of ${drivers.join(", ")}`);
  const subnets = words("subnet", textOf(form, "subnets").replaceAll(",", " "));
  const gateways = words("gateway", textOf(form, "gateways").replaceAll(",", " "));
  if (gateways.length > subnets.length) throw new UsageError("gateway: each one needs its subnet");
  return {
    name,
    driver,
    subnets: subnets.map((subnet, index) => ({ subnet, gateway: gateways[index] ?? "", ipRange: "" })),
    internal: isYes(form, "internal"),
    enableIPv6: isYes(form, "ipv6"),
    labels: {},
    options: pairsIn("options", textOf(form, "options")),
  };
}

/** The same as a command line. */
export function networkTwin(form: Form): string {
  const { name, driver, subnets, internal, enableIPv6, options } = networkRequest(form);
  return command(
    "gantry network create",
    driver === "bridge" ? "" : `-d ${driver}`,
    subnets.flatMap(({ subnet, gateway }) => [...flag("--subnet", subnet), ...flag("--gateway", gateway)]),
    internal ? "--internal" : "",
    enableIPv6 ? "--ipv6" : "",
    Object.entries(options).flatMap(([key, value]) => flag("-o", `${key}=${value}`)),
    name,
  );
}

export function createNetwork(dashboard: Dashboard, form: Form): Promise<void> {
  return submitting(dashboard, form, async () => {
    const request = networkRequest(form);
    const { id, warnings } = await dashboard.client.request("networks.create", request);
    dashboard.ui.dispatch({ type: "select", pane: "networks", selection: { id, index: 0 } });
    return { message: `made network ${screenText(request.name)}`, twin: networkTwin(form), warnings };
  });
}
