import { closeSync, constants, openSync } from "node:fs";
import { mount, mountFlags, umount, unmountFlags } from "../../engine/host/syscalls.ts";
import { bytePathOf } from "../../engine/lib/byte-path.ts";

/** Mounts a file system at `target` whose server (this process, by FUSE) never answers: who looks into it waits until this is disposed. */
export function hungDevice(target: string): AsyncDisposable {
  const server = openSync("/dev/fuse", constants.O_RDWR);
  const data = `fd=${server},rootmode=40000,user_id=0,group_id=0`;
  mount("hung", bytePathOf(target), { type: "fuse", data });
  return {
    [Symbol.asyncDispose]: async () => {
      // Ends the connection: all who wait get an error.
      closeSync(server);
      await umount(bytePathOf(target), unmountFlags.detach);
    },
  };
}

/** A directory whose later mounts appear wherever it is mounted with propagation. */
export async function sharedDirectory(path: string): Promise<AsyncDisposable> {
  const msShared = 1 << 20;
  mount(path, bytePathOf(path), { flags: mountFlags.bind });
  mount("", bytePathOf(path), { flags: msShared });
  return { [Symbol.asyncDispose]: () => umount(bytePathOf(path), unmountFlags.detach) };
}
