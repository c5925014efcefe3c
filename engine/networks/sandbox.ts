import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { runCommand } from "../host/commands.ts";
import { LinkMaker, type LinkTask } from "../host/link-maker.ts";
import type { LinkStep } from "../host/link-steps.ts";
import { isMounted, mountBind, unmount } from "../host/mounts.ts";
import { tryIP } from "../host/network-tools.ts";
import type { LinkPlan } from "./links.ts";

const tokenPattern = /^[0-9a-f]{8}$/;

/** Eight hex digits: end of the name of a netns file or of a veth pair's host end. */
export function createToken(): string {
  return randomBytes(4).toString("hex");
}

/**
 * Makes and takes away netns files under `<run>/netns/`, named by tokens, and the links that lead to them. The directory is a shared mount of
 * its own, as ip-netns(8) does with its: a netns that is unmounted here must also go from mount namespaces that copied ours.
 */
export class Sandboxes {
  readonly #directory: string;
  readonly #config: EngineConfig;
  /** Of this process and not yet taken away: all else is left over from an earlier one. */
  readonly #known = new Set<string>();
  readonly #maker = new LinkMaker();

  constructor(config: EngineConfig) {
    this.#config = config;
    this.#directory = netnsDirectory(config);
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if (isMounted(this.#directory)) return;
    mountBind(this.#directory, this.#directory);
    await runCommand("mount", ["--make-shared", this.#directory]);
  }

  pathOf(token: string): string {
    return join(this.#directory, token);
  }

  /** A netns whose loopback is up, with the link planned for it if any, and further steps taken inside. */
  create(token: string, plan: LinkPlan | null, routes: readonly LinkStep[]): Promise<void> {
    const { before = [], inside = [], after = [] } = plan ?? {};
    return this.#make(token, (path) =>
      this.#maker.run({ before, netns: { path, isNew: true }, inside: [loopbackUp, ...inside, ...routes], after }),
    );
  }

  /** Takes a netns that somebody else has made; see SandboxRequest.namespace. */
  take(token: string, namespace: string): Promise<void> {
    return this.#make(token, async (path) => {
      mountBind(namespace, path);
      await this.#maker.run(inNetns(path, [loopbackUp]));
    });
  }

  async #make(token: string, work: (path: string) => Promise<void>): Promise<void> {
    const path = this.pathOf(token);
    this.#known.add(token);
    try {
      await writeFile(path, "", { flag: "wx", mode: 0o444 });
      await work(path);
    } catch (error) {
      await this.destroy([token], []);
      throw error;
    }
  }

  /** Adds links to a netns, then takes further steps inside. */
  extend(token: string, plans: readonly LinkPlan[], routes: readonly LinkStep[]): Promise<void> {
    return this.#maker.run({
      before: plans.flatMap((plan) => plan.before),
      netns: { path: this.pathOf(token), isNew: false },
      inside: [...plans.flatMap(({ inside }) => inside), ...routes],
      after: plans.flatMap((plan) => plan.after),
    });
  }

  async runInside(token: string, steps: readonly LinkStep[]): Promise<void> {
    if (steps.length > 0) await this.#maker.run(inNetns(this.pathOf(token), steps));
  }

  async runOnHost(steps: readonly LinkStep[]): Promise<void> {
    if (steps.length > 0) await this.#maker.run({ before: steps, netns: null, inside: [], after: [] });
  }

  /** Of links and namespaces none is made any more. */
  close(): Promise<void> {
    return this.#maker.close();
  }

  /** Keeps sweep() from a netns or link of an earlier process whose container lives. */
  adopt(token: string): void {
    this.#known.add(token);
  }

  /**
   * Takes all of them away in one go; what is gone already is passed over. Unmounting lets a namespace go, and its links with it, in a
   * kernel thread. A process that still holds the namespace would keep them alive, so the host ends are deleted as well.
   */
  async destroy(tokens: readonly string[], links: readonly string[]): Promise<void> {
    await destroyAll(
      tokens.map((token) => this.pathOf(token)),
      links.map((link) => `${this.#config.names.vethPrefix}${link}`),
    );
    for (const token of [...tokens, ...links]) this.#known.delete(token);
  }

  /** Removes what an earlier process left: files and, of these links of the host, ours that nobody knows. */
  async sweep(linkNames: readonly string[]): Promise<void> {
    const isLeft = (token: string) => tokenPattern.test(token) && !this.#known.has(token);
    const files = (await readdir(this.#directory)).filter(isLeft);
    const prefix = this.#config.names.vethPrefix;
    const links = linkNames.filter((name) => name.startsWith(prefix) && isLeft(name.slice(prefix.length)));
    await destroyAll(
      files.map((token) => join(this.#directory, token)),
      links,
    );
  }
}

const loopbackUp: LinkStep = { kind: "up", link: "lo" };

function inNetns(path: string, inside: readonly LinkStep[]): LinkTask {
  return { before: [], netns: { path, isNew: false }, inside, after: [] };
}

/** Interfaces that look like ours, by EngineConfig.names. */
export function isSandboxLink(config: EngineConfig, name: string): boolean {
  const prefix = config.names.vethPrefix;
  return name.startsWith(prefix) && tokenPattern.test(name.slice(prefix.length));
}

export function netnsDirectory(config: EngineConfig): string {
  return join(config.run, "netns");
}

async function destroyAll(paths: readonly string[], links: readonly string[]): Promise<void> {
  for (const path of paths) {
    await unmount(path);
    await rm(path, { force: true });
  }
  if (links.length > 0) await tryIP(links.map((name) => `link del dev ${name}`));
}
