import { NetnsSockets } from "../../host/netns-sockets.ts";
import { ContainerDoor } from "./container-door.ts";
import { formatFailure, formatResponse, parseQuestion, responseCodes } from "./dns-message.ts";
import { NameIndex } from "./name-index.ts";
import type { ResolverView } from "./resolver-protocol.ts";
import { Upstream } from "./upstream.ts";

type Served = { readonly view: ResolverView; readonly door: ContainerDoor };

/** Answers for containers: names and addresses of the networks each is on, all else by the host's servers. */
export class Resolver implements Disposable {
  readonly #sockets = new NetnsSockets();
  readonly #index = new NameIndex();
  readonly #upstream = new Upstream();
  readonly #served = new Map<string, Served>();

  get size(): number {
    return this.#served.size;
  }

  /** Takes the place of what was known of this container. */
  async put(view: ResolverView): Promise<void> {
    const before = this.#served.get(view.container);
    const isSame = before?.view.netnsPath === view.netnsPath;
    if (before !== undefined && !isSame) this.drop(view.container);
    const { container } = view;
    const door =
      isSame && before !== undefined
        ? before.door
        : await ContainerDoor.open(this.#sockets, view.netnsPath, (query, byTCP) =>
            this.#answer(container, query, byTCP),
          );
    if (isSame) this.#forgetNames(container);
    this.#served.set(container, { view, door });
    for (const endpoint of view.endpoints) this.#index.add(container, endpoint);
  }

  drop(container: string): void {
    const served = this.#served.get(container);
    if (served === undefined) return;
    this.#forgetNames(container);
    this.#served.delete(container);
    served.door[Symbol.dispose]();
  }

  /** All there are. Gives the failures: one container's broken netns must not keep the others from their names. */
  async reset(views: readonly ResolverView[]): Promise<string[]> {
    const wanted = new Set(views.map(({ container }) => container));
    for (const container of [...this.#served.keys()]) if (!wanted.has(container)) this.drop(container);
    const results = await Promise.allSettled(views.map((view) => this.put(view)));
    return results.flatMap((result, index) =>
      result.status === "fulfilled" ? [] : [`${views[index]?.container.slice(0, 12)}: ${String(result.reason)}`],
    );
  }

  [Symbol.dispose](): void {
    for (const container of [...this.#served.keys()]) this.drop(container);
    this.#sockets[Symbol.dispose]();
  }

  #forgetNames(container: string): void {
    for (const endpoint of this.#served.get(container)?.view.endpoints ?? []) this.#index.remove(container, endpoint);
  }

  async #answer(container: string, query: Buffer, byTCP: boolean): Promise<Buffer | null> {
    const view = this.#served.get(container)?.view;
    const question = parseQuestion(query);
    if (view === undefined) return null;
    if (question === null) return formatFailure(query, responseCodes.notImplemented);
    const limit = byTCP ? null : question.limit;
    const answers = this.#index.answer(view.endpoints, question);
    if (answers !== null) return formatResponse(query, question, { answers, limit, ttl: 0 });
    // A name that leaves by way of questions is a way out as well (CVE-2024-29018).
    if (!view.forwards) return formatResponse(query, question, { code: responseCodes.noSuchName, limit });
    const answer = await this.#upstream.ask(container, query, { servers: view.servers, tcp: byTCP });
    return answer ?? formatResponse(query, question, { code: responseCodes.serverFailure, limit });
  }
}
