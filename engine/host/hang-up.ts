import koffi from "koffi";

/** poll(2): events are not asked for, POLLERR and POLLHUP are always told. */
const poll = koffi.load(null).func("int poll(_Inout_ uint8_t *descriptors, unsigned long count, int timeout)");
const hangUps = 0x08 | 0x10;

/** Whether the other end of a socket has closed it, for reading too: whoever has seen its end of input learns that in no other way. */
export function hasHungUp(descriptor: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(descriptor, 0);
  return (poll(entry, 1, 0) as number) > 0 && (entry.readInt16LE(6) & hangUps) !== 0;
}
