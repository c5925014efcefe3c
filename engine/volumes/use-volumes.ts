import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { EngineError } from "../errors.ts";
import { isMounted } from "../host/mounts.ts";
import { patientDisk } from "../host/patient-disk.ts";
import { settleAll } from "../lib/settle.ts";
import { fillVolume, isEmptyVolume, settleFilling } from "./fill-volume.ts";
import { mountVolume, unmountVolume } from "./volume-mounts.ts";
import { pathsOfVolume, publishVolumeEvent, type VolumeParts } from "./volume-parts.ts";
import { needsMount } from "./volume-record.ts";
import type { VolumeMount } from "./volume-service.ts";

/** Makes volumes usable for a container; all or none. */
export async function mountForContainer(
  parts: VolumeParts,
  container: string,
  mounts: readonly VolumeMount[],
): Promise<void> {
  const names = [...new Set(mounts.map(({ name }) => name))];
  try {
    await settleAll(names.map((name) => mountOne(parts, container, { name, mounts })));
  } catch (error) {
    await unmountFor(parts, container);
    throw error;
  }
  for (const { name, target, readOnly } of mounts) {
    publishVolumeEvent(parts, "mount", name, {
      container,
      destination: target,
      propagation: "",
      "read/write": String(!readOnly),
    });
  }
}

function mountOne(
  parts: VolumeParts,
  user: string,
  { name, mounts }: { readonly name: string; readonly mounts: readonly VolumeMount[] },
): Promise<void> {
  return parts.queue.run(name, async () => {
    const record = parts.table.get(name);
    const { data } = pathsOfVolume(parts.directory, name);
    if (!needsMount(record)) {
      await checkThere(name, data);
      parts.mounts.add(name, user);
      return;
    }
    const isNew = !parts.mounts.isUsed(name) && !isMounted(data);
    if (isNew) await mountVolume(record, data);
    parts.mounts.add(name, user);
    if (!isNew) return;
    await checkAnswers(parts, name);
    await settleFilling(parts, name);
    for (const mount of mounts)
      if (mount.name === name && mount.fill !== null) await fillVolume(parts, name, mount.fill);
  });
}

/** Of a server that is gone nothing can be read, and whoever tries waits for ever. Fails with `failed-precondition`. */
async function checkAnswers({ directory }: VolumeParts, name: string): Promise<void> {
  const { data } = pathsOfVolume(directory, name);
  await patientDisk.ask(data, () => isEmptyVolume(data), { subject: `volume ${name}` });
}

/** An empty directory in place of one that was lost would look as if all were well. */
async function checkThere(name: string, data: string): Promise<void> {
  const found = await stat(data).catch(() => null);
  if (found?.isDirectory()) return;
  throw new EngineError("failed-precondition", `volume ${name}: its directory ${data} is lost`, {
    hint: "mount the disk it lies on, or restore it from a backup",
    exitCode: 125,
  });
}

/** Every volume is tried; the first failure is thrown. Tells whom it was taken from. */
export async function unmountFor(parts: VolumeParts, user: string): Promise<string[]> {
  const names = parts.mounts.usedBy(user);
  await settleAll(
    names.map((name) =>
      parts.queue.run(name, async () => {
        parts.mounts.remove(name, user);
        parts.sizes.expire(name);
        const record = parts.table.find(name);
        if (record === null || !needsMount(record) || parts.mounts.isUsed(name)) return;
        await unmountVolume(record, pathsOfVolume(parts.directory, name).data);
      }),
    ),
  );
  return names;
}

export async function unmountForContainer(parts: VolumeParts, container: string): Promise<void> {
  if (parts.mounts.usedBy(container).length === 0) return;
  const names = await unmountFor(parts, container);
  for (const name of names) publishVolumeEvent(parts, "unmount", name, { container });
  parts.table.touch();
}

/** Only those with something to mount need it. */
export async function holdVolumes(parts: VolumeParts, names: readonly string[]): Promise<AsyncDisposable> {
  const user = `look:${randomUUID()}`;
  const held = names.filter((name) => needsMount(parts.table.get(name)));
  const release = async () => void (await unmountFor(parts, user));
  try {
    await settleAll(held.map((name) => mountOne(parts, user, { name, mounts: [] })));
    await settleAll(held.map((name) => checkAnswers(parts, name)));
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}

/** Whoever runs uses its volumes still; what else is mounted goes. */
export async function restoreMounts(
  parts: VolumeParts,
  living: readonly { readonly id: string; readonly names: readonly string[] }[],
): Promise<void> {
  for (const { id, names } of living) {
    for (const name of names) if (parts.table.find(name) !== null) parts.mounts.add(name, id);
  }
  for (const record of parts.table.all()) {
    if (!needsMount(record) || parts.mounts.isUsed(record.name)) continue;
    try {
      await parts.queue.run(record.name, () => unmountVolume(record, pathsOfVolume(parts.directory, record.name).data));
    } catch (error) {
      parts.log.error("a volume that nobody uses could not be unmounted", { volume: record.name, error });
    }
  }
}
