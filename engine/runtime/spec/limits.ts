import { EngineError } from "../../errors.ts";
import type { CreateRequest } from "../../protocol/create-request.ts";
import type { HostFacts, Warn } from "./types.ts";

export type SpecRlimit = { readonly type: string; readonly soft: number; readonly hard: number };

const names = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
);
/** Node raises its own soft limit to the hard one; a container gets the usual pair instead of inheriting that. */
const defaultOpenFiles = { name: "nofile", soft: 1024, hard: 524_288 };
/** RLIM_INFINITY is 2^64-1, which a double cannot hold: half of it is as endless for every limit there is. */
const unlimited = 2 ** 63;

/**
 * Resource limits of the process. Where the engine lacks CAP_SYS_RESOURCE no limit can be raised above its own hard one: the wish
 * is lowered and a warning given. Fails with `invalid-argument` for an unknown name or a soft limit above the hard one.
 */
export function buildRlimits(ulimits: CreateRequest["ulimits"], host: HostFacts, warn: Warn): SpecRlimit[] {
  const own = ulimits.some((limit) => limit.name === "nofile");
  const capped = own ? [] : [limitOf(defaultOpenFiles, host, () => {})];
  return [...capped, ...ulimits.map((limit) => limitOf(limit, host, warn))];
}

function limitOf(wish: CreateRequest["ulimits"][number], host: HostFacts, warn: Warn): SpecRlimit {
  const name = wish.name.toLowerCase();
  if (!names.has(name))
    throw new EngineError("invalid-argument", `ulimit ${wish.name} is not known`, { exitCode: 125 });
  const soft = wish.soft < 0 ? unlimited : wish.soft;
  const hard = wish.hard < 0 ? unlimited : wish.hard;
  if (soft > hard) {
    throw new EngineError(
      "invalid-argument",
      `ulimit ${name}: soft limit ${wish.soft} is above the hard limit ${wish.hard}`,
      {
        exitCode: 125,
      },
    );
  }
  const most = host.capabilities.includes("CAP_SYS_RESOURCE") ? null : (host.hardLimits.get(name) ?? null);
  const type = `RLIMIT_${name.toUpperCase()}`;
  if (most === null || hard <= most) return { type, soft, hard };
  warn(`ulimit ${name} lowered to ${most}: this host does not let the engine raise it`);
  return { type, soft: Math.min(soft, most), hard: most };
}

/**
 * Without a wish 0, so that a container does not inherit the protection a service manager gave to the engine. Null: leave it.
 * Lowering needs CAP_SYS_RESOURCE.
 */
export function resolveOomScoreAdj(wish: number | null, host: HostFacts, warn: Warn): number | null {
  const wanted = wish ?? 0;
  if (!Number.isInteger(wanted) || wanted < -1000 || wanted > 1000) {
    throw new EngineError("invalid-argument", `oom score adjustment ${wanted} is not between -1000 and 1000`, {
      exitCode: 125,
    });
  }
  if (wanted >= host.oomScoreAdj || host.capabilities.includes("CAP_SYS_RESOURCE")) return wanted;
  if (wish !== null) {
    warn(`oom score adjustment stays ${host.oomScoreAdj}: this host does not let the engine lower it to ${wanted}`);
  }
  return null;
}
