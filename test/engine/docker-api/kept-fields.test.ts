import { expect, it } from "vitest";
import { createBody } from "../../../engine/docker-api/create/create-body.ts";
import { keptFields } from "../../../engine/docker-api/create/kept-fields.ts";

const fieldsOf = (body: unknown, version = 50) => keptFields(createBody.parse(body), version);

it("keeps what has no effect here as it was asked for", () => {
  const host = {
    VolumeDriver: "foo",
    Isolation: "default",
    CpuCount: 2,
    VolumesFrom: ["other:rw"],
    SecurityOpt: ["label:disable"],
    Dns: [],
    CapAdd: ["NET_ADMIN"],
  };
  const { kept, ipcMode } = fieldsOf({ Image: "box", AttachStdout: true, HostConfig: host });
  expect(ipcMode).toBe("");
  expect(kept).toEqual({
    config: { AttachStdin: false, AttachStdout: true, AttachStderr: false },
    hostConfig: {
      DnsSearch: null,
      VolumeDriver: "foo",
      Isolation: "default",
      CpuCount: 2,
      VolumesFrom: ["other:rw"],
      SecurityOpt: ["label:disable"],
    },
  });
});

it("knows what clients of older versions mean", () => {
  const check = { Test: ["true"], Interval: 1_000_000_000 };
  const asked = { Image: "box", MacAddress: "02:42:00:00:00:01", Healthcheck: check, HostConfig: { CapDrop: ["ALL"] } };
  const { kept, ipcMode } = fieldsOf(asked, 38);
  expect(ipcMode).toBe("shareable");
  expect(kept?.config).toMatchObject({ MacAddress: "02:42:00:00:00:01", Healthcheck: check });
  expect(kept?.hostConfig).toMatchObject({ CapAdd: null, CapDrop: ["ALL"] });
  expect(fieldsOf({ Image: "box", HostConfig: { IpcMode: "private" } }, 38).ipcMode).toBe("private");
  expect(fieldsOf(asked, 44).kept?.config).not.toHaveProperty("MacAddress");
});
