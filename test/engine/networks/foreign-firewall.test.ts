import { expect, it } from "vitest";
import { isTrusted } from "../../../engine/networks/foreign-firewall.ts";

it("sees by firewalld's rules which interfaces it lets through", () => {
  const rules = `table inet firewalld {
	chain filter_FORWARD_ZONES {
		iifname "gantry0" goto filter_FWD_trusted
		iifname "gnet-48eda256ef" goto filter_FWD_public
		goto filter_FWD_public
	}
}`;
  expect(["gantry0", "gnet-48eda256ef", "gantry", "eth0"].map((name) => isTrusted(rules, name))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
