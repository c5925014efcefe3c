import type { CreateRequest } from "../../../engine/protocol/create-request.ts";
import { UsageError } from "./usage-error.ts";

export type NamespaceFlags = {
  readonly ipc?: string;
  readonly pid?: string;
  readonly uts?: string;
  readonly userns?: string;
  readonly cgroupns?: string;
};

type Modes = Pick<CreateRequest, "ipcMode" | "pidMode" | "utsMode" | "usernsMode" | "cgroupnsMode">;

/** `--ipc`, `--pid`, `--uts`, `--userns` and `--cgroupns`. */
export function parseNamespaces(flags: NamespaceFlags): Modes {
  return {
    ipcMode: parseMode("--ipc", flags.ipc, ["private", "shareable", "host", "container:NAME"]),
    pidMode: parseMode("--pid", flags.pid, ["host", "container:NAME"]),
    utsMode: parseMode("--uts", flags.uts, ["host"]),
    usernsMode: parseUserns(flags.userns),
    cgroupnsMode: parseMode("--cgroupns", flags.cgroupns, ["private", "host"]),
  };
}

function parseMode(flag: string, text: string | undefined, modes: readonly string[]): string {
  if (text === undefined || text === "" || modes.includes(text)) return text ?? "";
  if (modes.includes("container:NAME") && /^container:[^:]+$/.test(text)) return text;
  throw new UsageError(`invalid ${flag} "${text}": want ${alternatives(modes)}`);
}

/** Podman's word for a range of ids of the container's own, which docker has only for all containers. */
function parseUserns(text: string | undefined): string {
  if (text === undefined || text === "" || text === "host" || /^auto(:size=[1-9]\d{0,9})?$/.test(text)) {
    return text ?? "";
  }
  throw new UsageError(`invalid --userns "${text}": want host or auto[:size=NUMBER]`);
}

function alternatives(words: readonly string[]): string {
  return words.length === 1 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
