import { emptyCreateRequest } from "../../engine/protocol/defaults.ts";
import { starterImage, type TestEngine } from "./engine.ts";
import { gantryProgram, TestTerminal } from "./terminal.ts";

export type DashboardOptions = {
  readonly columns?: number;
  readonly rows?: number;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

/** The dashboard of a test's engine, in a terminal of its own. */
export function openDashboard(engine: TestEngine, options: DashboardOptions = {}): TestTerminal {
  const { flags = [], ...terminal } = options;
  const { root, run } = engine.config;
  return new TestTerminal({ ...terminal, command: [...gantryProgram, "--root", root, "--run", run, ...flags] });
}

/** The same inside of a shell, which then tells the exit code and the state of its terminal. */
export function openDashboardInShell(engine: TestEngine): TestTerminal {
  const { root, run } = engine.config;
  const command = `${gantryProgram.join(" ")} --root ${root} --run ${run}; echo "code=$?"; stty -a; echo finished`;
  return new TestTerminal({ command: ["sh", "-c", command] });
}

/** Closes help or details. What is pressed before the screen shows it may come together with the escape: that is Alt and the key. */
export async function closeOverlay(terminal: TestTerminal): Promise<void> {
  await terminal.press("esc");
  await terminal.waitFor((text) => !text.includes("Esc close"));
}

/** Makes and starts a container of the starter image. */
export async function startContainer(engine: TestEngine, name: string, script: string): Promise<string> {
  const { id } = await engine.client.request("containers.create", {
    ...emptyCreateRequest(starterImage),
    name,
    command: ["sh", "-c", script],
  });
  await engine.client.request("containers.start", { container: id });
  return id;
}

/** Prints a line every tenth of a second, and ends at once when it is told to. */
export const talkative =
  "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i of the log; usleep 100000; done";
export const quiet = "trap 'exit 0' TERM; while :; do sleep 1; done";
