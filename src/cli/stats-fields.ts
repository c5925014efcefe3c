import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { StatsSample } from "../../engine/protocol/stats.ts";
import { formatBinaryBytes, formatBytes } from "../format/bytes.ts";
import { shortID } from "../format/ids.ts";
import type { Fields, ListingSpec } from "./listing.ts";

export const statsListing: ListingSpec = {
  headers: {
    Container: "CONTAINER",
    ID: "CONTAINER ID",
    Name: "NAME",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %",
    NetIO: "NET I/O",
    BlockIO: "BLOCK I/O",
    PIDs: "PIDS",
    Throttled: "THROTTLED %",
  },
  columns: ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"],
  quietField: "ID",
};

/** A container as docker's `stats` shows it; null: not measured (it does not run). */
export function statsFields(
  container: Pick<ContainerSummary, "id" | "name">,
  sample: StatsSample | null,
  truncate: boolean,
): Fields {
  const id = truncate ? shortID(container.id) : container.id;
  const identity = { Container: id, ID: id, Name: container.name };
  if (sample === null) return { ...identity, ...unmeasured };
  const { cpu, memory, network, blockIO } = sample;
  return {
    BlockIO: `${formatBytes(blockIO.readBytes)} / ${formatBytes(blockIO.writtenBytes)}`,
    CPUPerc: percent(cpu.percent),
    ...identity,
    MemPerc: percent(memory.limit === 0 ? 0 : (100 * memory.used) / memory.limit),
    MemUsage: `${formatBinaryBytes(memory.used)} / ${formatBinaryBytes(memory.limit)}`,
    NetIO: `${formatBytes(network.receivedBytes)} / ${formatBytes(network.sentBytes)}`,
    PIDs: String(sample.pids),
    Throttled: percent(cpu.throttledPercent),
  };
}

const unmeasured: Fields = {
  BlockIO: "-- / --",
  CPUPerc: "--",
  MemPerc: "--",
  MemUsage: "-- / --",
  NetIO: "-- / --",
  PIDs: "--",
  Throttled: "--",
};

function percent(value: number | null): string {
  return value === null ? "--" : `${value.toFixed(2)}%`;
}
