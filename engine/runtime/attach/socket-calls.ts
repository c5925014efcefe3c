import koffi from "koffi";

/**
 * System calls for conmon's attach socket, which is SOCK_SEQPACKET: node:net cannot open such a one. All descriptors are
 * non-blocking and close-on-exec. A negative result leaves the reason in errno().
 */
const libc = koffi.load(null);

const socket = libc.func("int socket(int domain, int type, int protocol)");
const connect = libc.func("int connect(int fd, const uint8_t *address, uint32_t length)");
const recv = libc.func("long recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)");
const send = libc.func("long send(int fd, const uint8_t *buffer, size_t length, int flags)");
const shutdown = libc.func("int shutdown(int fd, int how)");
const epollCreate = libc.func("int epoll_create1(int flags)");
const epollCtl = libc.func("int epoll_ctl(int epoll, int operation, int fd, const uint8_t *event)");
const epollWait = libc.func("int epoll_wait(int epoll, _Out_ uint8_t *events, int most, int timeout)");
const eventFd = libc.func("int eventfd(unsigned int initial, int flags)");

const afUnix = 1;
const sockSeqpacket = 5;
const nonblockCloexec = 0o4000 | 0o2000000;
const msgDontwait = 0x40;
const msgNosignal = 0x4000;

export const epollIn = 0x001;
export const epollOut = 0x004;
/** struct epoll_event is packed on x86 only (epoll_ctl(2), the kernel's eventpoll.h). */
const eventSize = process.arch === "x64" ? 12 : 16;
const dataOffset = eventSize - 8;

export const errno = (): number => koffi.errno();
export const errors = koffi.os.errno;

export function openSeqpacket(): number {
  return Number(socket(afUnix, sockSeqpacket | nonblockCloexec, 0));
}

/** `path` has at most 107 bytes (unix(7)). */
export function connectTo(descriptor: number, path: string): number {
  const address = Buffer.alloc(110);
  address.writeUInt16LE(afUnix, 0);
  const length = address.write(path, 2, 107, "utf8");
  return Number(connect(descriptor, address, 2 + length + 1));
}

/** One packet; 0 at the end. */
export function receive(descriptor: number, buffer: Uint8Array): number {
  return Number(recv(descriptor, buffer, buffer.length, msgDontwait));
}

export function sendPacket(descriptor: number, bytes: Uint8Array): number {
  return Number(send(descriptor, bytes, bytes.length, msgDontwait | msgNosignal));
}

/** The peer reads an end of file; it can still write. */
export function shutdownWriting(descriptor: number): void {
  shutdown(descriptor, 1);
}

export function openEventDescriptor(): number {
  return Number(eventFd(0, nonblockCloexec));
}

/** epoll(7) with a number of ours for each descriptor. */
export class Epoll {
  readonly #descriptor = Number(epollCreate(0o2000000));
  readonly #events = Buffer.alloc(eventSize * 64);

  /** `events` 0 takes the descriptor out: even then a hang-up would be told again and again. */
  set(descriptor: number, id: number, change: { readonly from: number; readonly to: number }): void {
    if (change.from === change.to) return;
    const operation = change.to === 0 ? 2 : change.from === 0 ? 1 : 3;
    const event = Buffer.alloc(eventSize);
    event.writeUInt32LE(change.to, 0);
    event.writeUInt32LE(id, dataOffset);
    epollCtl(this.#descriptor, operation, descriptor, event);
  }

  /** Blocks the thread until something is ready or milliseconds have passed. */
  wait(timeout: number): { id: number; events: number }[] {
    const count = Number(epollWait(this.#descriptor, this.#events, 64, timeout));
    return Array.from({ length: Math.max(count, 0) }, (_, index) => ({
      events: this.#events.readUInt32LE(index * eventSize),
      id: this.#events.readUInt32LE(index * eventSize + dataOffset),
    }));
  }
}
