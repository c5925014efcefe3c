import { BlockList, isIP } from "node:net";
import type { SubnetRequest } from "../../../engine/protocol/networks.ts";
import { UsageError } from "./usage-error.ts";

export type SubnetFlags = {
  readonly subnet?: readonly string[];
  readonly gateway?: readonly string[];
  readonly ipRange?: readonly string[];
};

/** `--subnet`, `--gateway` and `--ip-range`, as often as there are subnets: each belongs to the subnet it lies in. */
export function parseSubnets({ subnet = [], gateway = [], ipRange = [] }: SubnetFlags): SubnetRequest[] {
  if (subnet.length === 0 && gateway.length + ipRange.length > 0) {
    throw new UsageError("every --ip-range or --gateway must have a corresponding --subnet");
  }
  const blocks = subnet.map((text) => parseBlock("--subnet", text));
  refuseOverlap(blocks);
  const gateways = gateway.map((text) => ({ text, of: blockOf(blocks, "--gateway", { text, address: text }) }));
  const ranges = ipRange.map((text) => {
    const { address } = parseBlock("--ip-range", text);
    return { text, of: blockOf(blocks, "--ip-range", { text, address }) };
  });
  return blocks.map((block) => ({
    subnet: block.text,
    gateway: only(gateways, block, "--gateway"),
    ipRange: only(ranges, block, "--ip-range"),
  }));
}

type Block = { readonly text: string; readonly address: string; readonly list: BlockList };

function parseBlock(flag: string, text: string): Block {
  const [address = "", prefix = "", ...more] = text.split("/");
  const family = isIP(address);
  const isPrefix = /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
  if (family === 0 || !isPrefix || more.length > 0) {
    throw new UsageError(`invalid ${flag} "${text}": want a range of addresses such as 10.89.0.0/24`);
  }
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), family === 4 ? "ipv4" : "ipv6");
  return { text, address, list };
}

function contains(block: Block, address: string): boolean {
  return block.list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** Of two ranges of addresses that overlap, one holds the other's first. */
function refuseOverlap(blocks: readonly Block[]): void {
  for (const [index, block] of blocks.entries()) {
    const other = blocks.slice(index + 1).find((one) => contains(block, one.address) || contains(one, block.address));
    if (other !== undefined) throw new UsageError(`--subnet ${block.text} and --subnet ${other.text} overlap`);
  }
}

function blockOf(blocks: readonly Block[], flag: string, wanted: { text: string; address: string }): Block {
  if (isIP(wanted.address) === 0) throw new UsageError(`invalid ${flag} "${wanted.text}": want an IP address`);
  const block = blocks.find((one) => contains(one, wanted.address));
  if (block === undefined) throw new UsageError(`no matching --subnet for ${flag} ${wanted.text}`);
  return block;
}

function only(found: readonly { text: string; of: Block }[], block: Block, flag: string): string {
  const [first, second] = found.filter((one) => one.of === block);
  if (second === undefined) return first?.text ?? "";
  throw new UsageError(`cannot configure multiple ${flag} (${first?.text}, ${second.text}) on --subnet ${block.text}`);
}
