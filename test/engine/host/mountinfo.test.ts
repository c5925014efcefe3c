import { expect, it } from "vitest";
import { parseMountinfo } from "../../../engine/host/mountinfo.ts";

it("parses mountinfo, optional fields and escapes included", () => {
  const text = [
    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue",
    "40 36 0:50 / /var/lib/a\\040b\\011c\\134d\\303\\251 rw - overlay gantry rw,lowerdir=/x\\054y",
    "not a mount",
    "",
  ].join("\n");
  expect(parseMountinfo(text)).toEqual([
    {
      id: 36,
      parentID: 35,
      propagation: ["master:1", "shared:2"],
      target: "/mnt2",
      type: "ext3",
      source: "/dev/root",
      options: ["rw", "noatime", "rw", "errors=continue"],
    },
    {
      id: 40,
      parentID: 36,
      propagation: [],
      target: "/var/lib/a b\tc\\dé",
      type: "overlay",
      source: "gantry",
      options: ["rw", "rw", "lowerdir=/x,y"],
    },
  ]);
});
