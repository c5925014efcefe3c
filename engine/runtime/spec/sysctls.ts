import { invalid, type NamespaceModes } from "./namespaces.ts";
import type { SpecInput } from "./types.ts";

/** Which namespace a setting belongs to. Nothing else under /proc/sys is a container's own. */
const owners = [
  { what: "network", names: /^net\.[\w.\-/]+$/ },
  { what: "ipc", names: /^(fs\.mqueue\.\w+|kernel\.(shm\w+|msg\w+|sem|shm_rmid_forced))$/ },
  { what: "uts", names: /^kernel\.domainname$/ },
] as const;

/** docker's defaults, then what was asked for. Fails with `invalid-argument` for what would change the host. */
export function buildSysctls(input: SpecInput, modes: NamespaceModes): Record<string, string> {
  const { request, netnsPath, host } = input;
  for (const name of Object.keys(request.sysctls)) check(name, { hasNetwork: netnsPath !== null, modes });
  // As docker: an own network stack has no privileged ports and lets every group ping.
  const groups = input.joined?.user === undefined ? 2_147_483_647 : input.joined.user.ids.size - 1;
  const isOwnNetwork = netnsPath !== null && !request.network.startsWith("container:");
  const defaults: Record<string, string> =
    isOwnNetwork && host.networkSysctls
      ? { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": `0 ${groups}` }
      : {};
  const domain: Record<string, string> =
    request.domainname === "" || modes.uts.kind === "host" ? {} : { "kernel.domainname": request.domainname };
  return { ...defaults, ...domain, ...request.sysctls };
}

function check(name: string, own: { readonly hasNetwork: boolean; readonly modes: NamespaceModes }): void {
  const owner = name.includes("..") ? undefined : owners.find(({ names }) => names.test(name.replaceAll("/", ".")));
  const reason =
    owner === undefined
      ? "it is not a container's own"
      : owner.what === "network" && !own.hasNetwork
        ? "it would change the host's own network"
        : owner.what !== "network" && own.modes[owner.what].kind === "host"
          ? `it would change the host, whose ${owner.what} namespace the container is in`
          : null;
  if (reason !== null) throw invalid(`sysctl ${JSON.stringify(name)} cannot be set: ${reason}`);
}
