import type { StatsSample } from "../protocol/stats.ts";
import { publishEvent } from "./container-events.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

/**
 * Tells of out-of-memory kills in containers that go on: one of their other processes was hit. The sampler counts them anyhow. What the
 * kernel had counted before the first look (an engine that started anew) has been told by the one before, if at all.
 */
export function watchOutOfMemory(parts: ContainerParts): () => void {
  const counts = new Map<string, number>();
  return parts.sampler.onSamples((samples) => {
    for (const sample of samples) look(parts, counts, sample);
    if (counts.size > 2 * samples.length + 16) forget(counts, samples);
  });
}

function look(parts: ContainerParts, counts: Map<string, number>, { container, memory }: StatsSample): void {
  const known = counts.get(container);
  if (known === memory.oomKills) return;
  counts.set(container, memory.oomKills);
  const record = parts.table.find(container);
  if (known === undefined || memory.oomKills < known || record === null || !isAlive(record.state.status)) return;
  // Not forced to the disk: at its end it is looked at again.
  if (!record.state.oomKilled) parts.table.updateLater(container, { oomKilled: true });
  publishEvent(parts, record, "oom");
}

function forget(counts: Map<string, number>, samples: readonly StatsSample[]): void {
  const present = new Set(samples.map(({ container }) => container));
  for (const id of counts.keys()) if (!present.has(id)) counts.delete(id);
}
