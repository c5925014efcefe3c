import koffi from "koffi";
import { SyscallError } from "./errno.ts";

const libc = koffi.load(null);
const ioctl = libc.func("int ioctl(int fd, ulong request, void *value)");

/** ioctl_fionread(2), the same number on every architecture Node is built for. */
const fionread = 0x541b;

/** Bytes in an open pipe or fifo that nobody has read yet. Either end tells. */
export function bytesWaiting(fd: number): number {
  const value = Buffer.alloc(4);
  if (ioctl(fd, fionread, value) < 0) throw new SyscallError("ioctl", String(koffi.errno()));
  return value.readInt32LE(0);
}
