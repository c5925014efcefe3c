import { chmod, chown, mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../host/errno.ts";
import { unmount } from "../../host/mounts.ts";
import { mount, mountFlags } from "../../host/syscalls.ts";
import { bytePathOf } from "../../lib/byte-path.ts";
import type { StepMount } from "./step-runner.ts";

type Secret = Extract<StepMount, { type: "secret" }>;

export type SecretFiles = AsyncDisposable & { pathOf(secret: Secret): string };

/** Files in memory that never reach a disk, each with its own owner and mode, in a directory that only root can enter. Disposing forgets them. */
export async function openSecretFiles(directory: string, secrets: readonly Secret[]): Promise<SecretFiles> {
  const pathOf = (secret: Secret) => join(directory, String(secrets.indexOf(secret)));
  if (secrets.length === 0) return { pathOf, [Symbol.asyncDispose]: async () => {} };
  await using made = new AsyncDisposableStack();
  await mkdir(directory, { mode: 0o700 });
  made.defer(() => rmdir(directory));
  mountMemory(directory);
  made.defer(() => unmount(directory));
  for (const secret of secrets) {
    const path = pathOf(secret);
    await writeFile(path, secret.content, { flag: "wx", mode: 0o600 });
    await chown(path, secret.uid, secret.gid);
    await chmod(path, secret.mode);
  }
  const kept = made.move();
  return { pathOf, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function mountMemory(directory: string): void {
  const flags = mountFlags.noSuid | mountFlags.noDevices | mountFlags.noExec;
  const options = "mode=0700";
  try {
    // Linux 6.4: else the kernel may write a tmpfs into swap.
    mount("tmpfs", bytePathOf(directory), { type: "tmpfs", flags, data: `${options},noswap` });
  } catch (error) {
    if (errnoOf(error) !== "EINVAL") throw error;
    // Pages of a ramfs are never written anywhere; it is older than any kernel that containers run on.
    mount("ramfs", bytePathOf(directory), { type: "ramfs", flags, data: options });
  }
}
