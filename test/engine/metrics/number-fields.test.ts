import { expect, it } from "vitest";
import {
  countCpus,
  fieldAfter,
  lineKey,
  numberAt,
  sumAfter,
  sumNetworkBytes,
} from "../../../engine/metrics/number-fields.ts";

const memoryStat = Buffer.from("file 4096\nfile_mapped 7\ninactive_file 123\ntotal_inactive_file 456\n");

it("reads a field of the first line, of the last, and none that is only a part of another's name", () => {
  expect(fieldAfter(memoryStat, memoryStat.length, lineKey("file"))).toBe(4096);
  expect(fieldAfter(memoryStat, memoryStat.length, lineKey("inactive_file"))).toBe(123);
  expect(fieldAfter(memoryStat, memoryStat.length, lineKey("total_inactive_file"))).toBe(456);
  expect(fieldAfter(memoryStat, memoryStat.length, lineKey("mapped"))).toBeNull();
});

it("looks at no byte beyond the length: the rest of the buffer is of another file", () => {
  expect(fieldAfter(memoryStat, 10, lineKey("inactive_file"))).toBeNull();
  expect(numberAt(Buffer.from("123456"), 0, 3)).toBe(123);
});

it("takes a word where a number was expected as none", () => {
  expect(numberAt(Buffer.from("max\n"), 0, 4)).toBeNull();
  expect(numberAt(Buffer.from("9223372036854771712\n"), 0, 20)).toBeGreaterThan(9.2e18);
});

it("sums a figure over devices", () => {
  const io = Buffer.from("8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=5 wbytes=0 rios=2\n");
  expect(sumAfter(io, io.length, Buffer.from("rbytes="))).toBe(15);
  expect(sumAfter(io, io.length, Buffer.from("wbytes="))).toBe(20);
  const blkio = Buffer.from("8:0 Read 100\n8:0 Write 50\n8:0 Total 150\n8:16 Read 1\nTotal 151\n");
  expect(sumAfter(blkio, blkio.length, Buffer.from(" Read "))).toBe(101);
});

it("counts the CPUs of a list", () => {
  expect(countCpus("0-3,7\n")).toBe(5);
  expect(countCpus("0\n")).toBe(1);
  expect(countCpus("\n")).toBe(0);
});

it("sums the bytes of all interfaces but loopback", () => {
  const text = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
    "    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0",
    "  eth0: 5000 10 0 0 0 0 0 0 700 3 0 0 0 0 0 0",
    "  eth1:1 10 0 0 0 0 0 0 2 3 0 0 0 0 0 0",
    "",
  ].join("\n");
  expect(sumNetworkBytes(text)).toEqual({ receivedBytes: 5001, sentBytes: 702 });
});
