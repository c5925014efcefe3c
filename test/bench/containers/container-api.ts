/** What a container of a case is made of. */
export type Wish = {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  /** Port of the host that leads to port 80. */
  readonly hostPort?: number;
  readonly network?: "bridge" | "none";
};

/** An engine's own API on its own socket, connected already: no command line and no start of a process is measured with it. */
export interface ContainerApi extends Disposable {
  readonly name: string;
  create(wish: Wish): Promise<string>;
  start(id: string): Promise<void>;
  /** Runs a command in a container and waits for its end. */
  exec(id: string, command: readonly string[]): Promise<void>;
  /** By force, also one that runs. */
  remove(id: string): Promise<void>;
  /** How many there are, in whatever state. */
  list(): Promise<number>;
  /** Has the statistics of all of them sent once a second, until the function that comes back is called. */
  watchStats(ids: readonly string[]): Promise<() => void>;
  /** The processes that look after one container each. */
  monitorPids(): number[];
}
