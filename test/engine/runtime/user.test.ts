import { expect, it } from "vitest";
import { matchUser, parseGroup, parsePasswd } from "../../../engine/runtime/spec/user.ts";

const accounts = parsePasswd(
  "# comment\nroot:x:0:0:root:/root:/bin/sh\nann:x:1000:1001:Ann:/home/ann:/bin/sh\n1000:x:7:7:::\nbroken:x:many:1::\nhuge:x:99999999999:1::\n",
);
const groups = parseGroup("root:x:0:root\nann:x:1001:\nstaff:x:50:ann,bob\n2000:x:8:\naudio:x:29:ann\n");
const match = (user: string, groupAdd: string[] = []) => matchUser(accounts, groups, { user, groupAdd });

it("finds users and their groups", () => {
  expect(match("")).toEqual({ uid: 0, gid: 0, additionalGids: [0] });
  expect(match("ann")).toEqual({ uid: 1000, gid: 1001, additionalGids: [1001, 50, 29] });
  expect(match("1000")).toEqual({ uid: 1000, gid: 1001, additionalGids: [1001, 50, 29] });
  expect(match("ann:staff")).toEqual({ uid: 1000, gid: 50, additionalGids: [50] });
  expect(match("4242")).toEqual({ uid: 4242, gid: 0, additionalGids: [0] });
  expect(match("4242:4343", ["audio", "77"])).toEqual({ uid: 4242, gid: 4343, additionalGids: [4343, 29, 77] });
});

it("never takes a number for a name", () => {
  expect(match("1000").uid).toBe(1000);
  expect(() => match("0:2000")).toThrow("a group called 2000 that is group 8");
});

it("names what is not there", () => {
  expect(() => match("eve")).toThrow('user "eve" is not in the container\'s /etc/passwd');
  expect(() => match("ann:wheel")).toThrow('group "wheel" is not in the container\'s /etc/group');
  expect(() => match("huge")).toThrow("/etc/passwd");
  expect(() => match("99999999999")).toThrow("/etc/passwd");
});

it("refuses a group that is called like the number of another one: a runtime would take that", () => {
  const groups = parseGroup("1000:x:0:\n7:x:7:\n");
  expect(() => matchUser([], groups, { user: "1000:1000", groupAdd: [] })).toThrow(
    "a group called 1000 that is group 0",
  );
  expect(() => matchUser([], groups, { user: "5:5", groupAdd: ["1000"] })).toThrow("a group called 1000");
  expect(matchUser([], groups, { user: "7:7", groupAdd: [] }).additionalGids).toEqual([7]);
});
