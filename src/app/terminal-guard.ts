import { writeSync } from "node:fs";
import { messageOf } from "../../engine/errors.ts";

/**
 * What brings any terminal back: attributes off, cursor shown, mouse and paste reports off, lines wrapped, the normal screen. (xterm's
 * control sequences: DECSTR is left out, since it also moves margins on some terminals.)
 */
export const restoreSequence =
  "\u001b[0m\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?2004l\u001b[?7h\u001b[?1049l";

/** After a program had the terminal it may have left modes on: soft reset, and the reports off. */
export const afterProgramSequence =
  "\u001b[!p\u001b[0m\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?2004l\u001b[?1049l";

/**
 * Reports of pastes, and no wrapping at the right edge (DECAWM): where a terminal takes a letter for wider than we do, one row is
 * odd, instead of all of them moved.
 */
export const dashboardModesOn = "\u001b[?2004h\u001b[?7l";
export const dashboardModesOff = "\u001b[?2004l\u001b[?7h";

export type GuardOptions = {
  /** Takes the dashboard from the screen; may be called twice. */
  readonly leave: () => void;
  /** The process was stopped and goes on. */
  readonly onContinue: () => void;
};

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGQUIT: 3 } as const;

/**
 * Gives the terminal back however the process ends: signals, and errors nobody caught, which are printed on the normal screen
 * and end it with 70 (EX_SOFTWARE, sysexits.h). Dispose when the screen is left in the normal way.
 */
export function guardTerminal(options: GuardOptions): Disposable {
  const restore = () => {
    try {
      options.leave();
    } catch {
      // A broken tree must not keep us from the sequence below.
    }
    writeBestEffort(restoreSequence);
    if (process.stdin.isTTY) {
      try {
        process.stdin.setRawMode(false);
      } catch {
        // The terminal is gone (SIGHUP).
      }
    }
  };
  const onSignal = (signal: NodeJS.Signals) => {
    restore();
    process.exit(128 + (signals[signal as keyof typeof signals] ?? 1));
  };
  const onError = (cause: unknown) => {
    restore();
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : messageOf(cause);
    writeBestEffort(`gantry: the dashboard failed; containers go on running\n${text}\n`, 2);
    process.exit(70);
  };
  // A terminal that went away fails each write; the hang-up follows.
  const onOutputError = () => onSignal("SIGHUP");
  const keptErrors = keepErrors();
  const names = Object.keys(signals) as (keyof typeof signals)[];
  for (const name of names) process.on(name, onSignal);
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  process.on("SIGCONT", options.onContinue);
  process.stdout.on("error", onOutputError);
  return {
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal);
      process.off("uncaughtException", onError);
      process.off("unhandledRejection", onError);
      process.off("SIGCONT", options.onContinue);
      process.stdout.off("error", onOutputError);
      restore();
      keptErrors[Symbol.dispose]();
    },
  };
}

/**
 * Whatever is written to stderr while the screen is up would tear it, and Ink would never mend it: warnings of Node, a
 * library's complaint. It is kept, and printed once the normal screen is back.
 */
function keepErrors(): Disposable {
  const write = process.stderr.write;
  let kept = "";
  process.stderr.write = (chunk: string | Uint8Array): boolean => {
    if (kept.length < 65_536) kept += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    return true;
  };
  return {
    [Symbol.dispose]: () => {
      process.stderr.write = write;
      if (kept !== "") writeBestEffort(kept, 2);
    },
  };
}

/** At once and past all streams: the process may be about to end. */
function writeBestEffort(text: string, descriptor = 1): void {
  try {
    writeSync(descriptor, text);
  } catch {
    // Nobody is there to read it.
  }
}
