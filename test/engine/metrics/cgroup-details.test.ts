import { expect, it } from "vitest";
import { parseDeviceFields, parseDevices, parseInterfaces } from "../../../engine/metrics/cgroup-details.ts";

it("reads what block devices did, of v1 and of v2", () => {
  const v1 = "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\n253:1 Read 1\nTotal 4097\n";
  expect(parseDevices(v1)).toEqual([
    { major: 8, minor: 0, operation: "Read", value: 4096 },
    { major: 8, minor: 0, operation: "Write", value: 0 },
    { major: 8, minor: 0, operation: "Total", value: 4096 },
    { major: 253, minor: 1, operation: "Read", value: 1 },
  ]);
  const v2 = "8:0 rbytes=4096 wbytes=12 rios=1 wios=2 dbytes=0 dios=0\n8:16 \n";
  expect(parseDeviceFields(v2, { rbytes: "read", wbytes: "write" })).toEqual([
    { major: 8, minor: 0, operation: "read", value: 4096 },
    { major: 8, minor: 0, operation: "write", value: 12 },
    { major: 8, minor: 16, operation: "read", value: 0 },
    { major: 8, minor: 16, operation: "write", value: 0 },
  ]);
});

it("reads interfaces without loopback, names that touch their numbers as well", () => {
  const text = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
    "    lo:      10       1    0    0    0     0          0         0       10       1    0    0    0     0       0          0",
    "  eth0:1234567890      11    1    2    0     0          0         0      180       3    4    5    0     0       0          0",
  ].join("\n");
  expect(parseInterfaces(text)).toEqual({
    eth0: {
      receivedBytes: 1234567890,
      receivedPackets: 11,
      receiveErrors: 1,
      receiveDrops: 2,
      sentBytes: 180,
      sentPackets: 3,
      sendErrors: 4,
      sendDrops: 5,
    },
  });
});
