import { describe, expect, it } from "vitest";
import {
  addressOfPointer,
  encodeName,
  formatFailure,
  formatResponse,
  parseQuestion,
  recordTypes,
} from "../../../engine/networks/resolver/dns-message.ts";
import { NameIndex } from "../../../engine/networks/resolver/name-index.ts";

function query(name: string, type: number, edns?: number): Buffer {
  const head = Buffer.from([0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, edns === undefined ? 0 : 1]);
  const tail = Buffer.from([0, type, 0, 1]);
  const option = edns === undefined ? [] : [Buffer.from([0, 0, 41, edns >> 8, edns & 255, 0, 0, 0, 0, 0, 0])];
  return Buffer.concat([head, encodeName(name), tail, ...option]);
}

describe("messages", () => {
  it("reads questions, and how long an answer may be", () => {
    expect(parseQuestion(query("Web.Red", 1))).toMatchObject({ name: "web.red", type: 1, limit: 512 });
    expect(parseQuestion(query("web", 28, 1232))).toMatchObject({ type: 28, limit: 1232 });
    expect(parseQuestion(query("web", 28, 9))?.limit).toBe(512);
  });

  it("takes nothing else for one, whatever the bytes are", () => {
    const good = query("web.red", 1, 1232);
    expect(parseQuestion(Buffer.concat([good.subarray(0, 2), Buffer.from([0x81]), good.subarray(3)]))).toBeNull();
    for (let length = 0; length < good.length - 11; length += 1)
      expect(parseQuestion(good.subarray(0, length))).toBeNull();
    for (let seed = 0; seed < 2000; seed += 1) {
      const bytes = Buffer.from(good);
      for (let change = 0; change < 3; change += 1)
        bytes[(seed * 7 + change * 13) % bytes.length] = (seed * 31 + change * 17) % 256;
      expect(() => {
        const question = parseQuestion(bytes);
        if (question === null) formatFailure(bytes, 1);
        else formatResponse(bytes, question, { limit: 512 });
      }).not.toThrow();
    }
    expect(formatFailure(Buffer.from([0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1)).toBeNull();
  });

  it("cuts off what does not fit, and says so", () => {
    const asked = query("web", 1);
    const question = parseQuestion(asked);
    if (question === null) throw new Error("no question");
    const answers = Array.from({ length: 60 }, () => ({ type: recordTypes.a, data: Buffer.from([10, 0, 0, 1]) }));
    const cut = formatResponse(asked, question, { answers, limit: 512 });
    expect(cut.length).toBeLessThanOrEqual(512);
    expect(cut.readUInt16BE(2) & 0x0200).toBe(0x0200);
    const whole = formatResponse(asked, question, { answers, limit: null });
    expect([whole.readUInt16BE(2) & 0x0200, whole.readUInt16BE(6)]).toEqual([0, 60]);
  });

  it("reads addresses in names", () => {
    expect(addressOfPointer("2.0.9.10.in-addr.arpa")).toBe("0a090002");
    expect(addressOfPointer(`2.${"0.".repeat(29)}d.f.ip6.arpa`)).toBe(`fd${"0".repeat(29)}2`);
    for (const name of ["300.0.9.10.in-addr.arpa", "9.10.in-addr.arpa", "web"])
      expect(addressOfPointer(name)).toBeNull();
  });
});

describe("names", () => {
  const endpoint = (networkID: string, ipv4: string, names: string[]) => ({
    networkID,
    network: `net-${networkID}`,
    ipv4,
    ipv6: null,
    names,
  });
  const placesOf = (networks: string[]) => networks.map((networkID) => ({ networkID }));
  const ask = (index: NameIndex, networks: string[], name: string, type = 1) =>
    index.answer(placesOf(networks), { name, type, end: 0, limit: 512 })?.map(({ data }) => [...data].join("."));

  it("are those of one's own networks, and go with their container", () => {
    const index = new NameIndex();
    index.add("a", endpoint("1", "10.0.0.2", ["Web", "www"]));
    index.add("b", endpoint("1", "10.0.0.3", ["db", "www"]));
    index.add("c", endpoint("2", "10.1.0.2", ["web"]));
    expect(ask(index, ["1"], "web")).toEqual(["10.0.0.2"]);
    expect(ask(index, ["2"], "web")).toEqual(["10.1.0.2"]);
    expect(ask(index, ["2", "1"], "web.net-1")).toEqual(["10.0.0.2"]);
    expect(ask(index, ["2"], "web.net-1")).toBeUndefined();
    expect(ask(index, ["1"], "www")?.sort()).toEqual(["10.0.0.2", "10.0.0.3"]);
    expect(ask(index, ["1"], "web", 28)).toEqual([]);
    expect(ask(index, ["1"], "nobody")).toBeUndefined();
    index.remove("a", endpoint("1", "10.0.0.2", ["Web", "www"]));
    expect(ask(index, ["1"], "web")).toBeUndefined();
    expect(ask(index, ["1"], "www")).toEqual(["10.0.0.3"]);
  });

  it("are another's where the one who asks is linked to it", () => {
    const index = new NameIndex();
    index.add("b", endpoint("1", "10.0.0.3", ["proj_db_1"]));
    index.add("c", endpoint("1", "10.0.0.4", ["db"]));
    const question = { name: "db", type: 1, end: 0, limit: 512 };
    const answer = (links: Record<string, string>) =>
      index.answer([{ networkID: "1", links }], question)?.map(({ data }) => [...data].join("."));
    expect(answer({ db: "Proj_db_1" })).toEqual(["10.0.0.3"]);
    expect(answer({ db: "gone" })).toEqual(["10.0.0.4"]);
    expect(index.answer([{ networkID: "2", links: { db: "proj_db_1" } }], question)).toBeNull();
  });
});
