import type { StatsSample } from "../protocol/stats.ts";

const capacity = 600;
const width = 21;
const initialRows = 60;

/** The last 600 samples of one container as rows of a flat array (100 KB when full, no objects); NaN stands for null. */
export class SampleHistory {
  #rows = new Float64Array(initialRows * width);
  #size = 0;
  #next = 0;

  push(sample: StatsSample): void {
    if (this.#next * width === this.#rows.length && this.#next < capacity) this.#grow();
    if (this.#next === capacity) this.#next = 0;
    this.#rows.set(toRow(sample), this.#next * width);
    this.#next++;
    this.#size = Math.min(this.#size + 1, capacity);
  }

  /** Oldest first, those at or after `time` (milliseconds since the epoch). */
  since(container: string, time: number): StatsSample[] {
    const samples: StatsSample[] = [];
    const first = this.#size < capacity ? 0 : this.#next;
    for (let index = 0; index < this.#size; index++) {
      const row = ((first + index) % capacity) * width;
      if ((this.#rows[row] ?? 0) >= time) samples.push(fromRow(container, this.#rows.subarray(row, row + width)));
    }
    return samples;
  }

  #grow(): void {
    const rows = new Float64Array(Math.min(this.#rows.length * 2, capacity * width));
    rows.set(this.#rows);
    this.#rows = rows;
  }
}

function toRow({ time, cpu, memory, network, blockIO, pids, pidsLimit }: StatsSample): number[] {
  return [
    time,
    cpu.percent ?? Number.NaN,
    cpu.percentOfLimit ?? Number.NaN,
    cpu.total,
    cpu.throttledPercent ?? Number.NaN,
    cpu.cores,
    memory.used,
    memory.cache,
    memory.limit,
    memory.limited ? 1 : 0,
    memory.oomKills,
    network.receivedBytes,
    network.sentBytes,
    network.receiveRate ?? Number.NaN,
    network.sendRate ?? Number.NaN,
    blockIO.readBytes,
    blockIO.writtenBytes,
    blockIO.readRate ?? Number.NaN,
    blockIO.writeRate ?? Number.NaN,
    pids,
    pidsLimit ?? Number.NaN,
  ];
}

function fromRow(container: string, row: Float64Array): StatsSample {
  const at = (index: number) => row[index] ?? 0;
  const orNull = (index: number) => (Number.isNaN(at(index)) ? null : at(index));
  return {
    container,
    time: at(0),
    cpu: { percent: orNull(1), percentOfLimit: orNull(2), total: at(3), throttledPercent: orNull(4), cores: at(5) },
    memory: { used: at(6), cache: at(7), limit: at(8), limited: at(9) === 1, oomKills: at(10) },
    network: { receivedBytes: at(11), sentBytes: at(12), receiveRate: orNull(13), sendRate: orNull(14) },
    blockIO: { readBytes: at(15), writtenBytes: at(16), readRate: orNull(17), writeRate: orNull(18) },
    pids: at(19),
    pidsLimit: orNull(20),
  };
}
