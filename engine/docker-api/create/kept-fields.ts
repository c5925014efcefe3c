import type { CreateRequest } from "../../protocol/create-request.ts";
import type { CreateBody } from "./create-body.ts";
import { isKnownCheck } from "./to-create-request.ts";

/** From these on docker writes capabilities in one way, and an endpoint's MAC address at the endpoint only. */
const oneSpelling = 41;
const macOfEndpoint = 44;
/** Before it, whoever asked for no ipc namespace got one that others may join. */
const privateIpc = 40;

/** What docker keeps of a request as it was asked, and what a client of that version means by what it leaves out. */
export function keptFields(body: CreateBody, version: number): Pick<CreateRequest, "kept" | "ipcMode"> {
  const { HostConfig: host, MacAddress: mac, Healthcheck: check } = body;
  return {
    ipcMode: host.IpcMode === "" && version < privateIpc ? "shareable" : host.IpcMode,
    kept: {
      config: {
        AttachStdin: body.AttachStdin,
        AttachStdout: body.AttachStdout,
        AttachStderr: body.AttachStderr,
        ...(check && !isKnownCheck(check.Test) ? { Healthcheck: check } : {}),
        ...(mac !== "" && version < macOfEndpoint ? { MacAddress: mac } : {}),
      },
      hostConfig: {
        ...(host.Dns === null ? { Dns: null } : {}),
        ...(host.DnsSearch === null ? { DnsSearch: null } : {}),
        ...(host.VolumeDriver === "" ? {} : { VolumeDriver: host.VolumeDriver }),
        ...(host.Isolation === "" ? {} : { Isolation: host.Isolation }),
        ...(host.CpuCount === 0 ? {} : { CpuCount: host.CpuCount }),
        ...(host.VolumesFrom.length === 0 ? {} : { VolumesFrom: host.VolumesFrom }),
        ...(host.SecurityOpt.some((option) => /^label[=:]/.test(option)) ? { SecurityOpt: host.SecurityOpt } : {}),
        ...(version < oneSpelling ? { CapAdd: host.CapAdd, CapDrop: host.CapDrop } : {}),
      },
    },
  };
}
