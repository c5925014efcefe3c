type Name = "stdout" | "stderr";

const used = new Set<NodeJS.WriteStream>();

/** Our stdout or stderr. Node makes each when it is first asked for, which takes most of a millisecond: many commands print nothing. */
export function outputOf(name: Name): NodeJS.WriteStream {
  const stream = process[name];
  if (!used.has(stream)) {
    used.add(stream);
    // A reader that has gone (`gantry logs web | head`) ends us as SIGPIPE would.
    if (name === "stdout")
      stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 141 : 1));
  }
  return stream;
}

/** Waits until all that was written has left, so that an exit loses nothing. */
export async function flushOutput(): Promise<void> {
  const streams = [...used];
  used.clear();
  await Promise.all(streams.map(flush));
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}
