import type { CreateRequest } from "../../engine/protocol/create-request.ts";
import { emptyCreateRequest, unlimited } from "../../engine/protocol/defaults.ts";

export const demoLabel = "gantry.demo";
export const demoImage = "gantry/busybox";

export type DemoContainer = {
  readonly name: string;
  readonly about: string;
  readonly request: CreateRequest;
};

/** Every script hears the stop signal at once: a shell that is process 1 would ignore it. */
const hearStop = "trap 'exit 0' TERM INT";

const webScript = `${hearStop}
mkdir -p /www
cat > /www/index.html <<'PAGE'
<!doctype html><meta charset="utf-8"><title>Gantry demo</title>
<body style="font-family: sans-serif; max-width: 36em; margin: 4em auto">
<h1>It works</h1>
<p>This page comes from <b>demo-web</b>, a container that Gantry runs on this host.</p>
<p>Take all demo containers away with <code>gantry demo --remove</code>.</p>
PAGE
echo "serving /www on port 80"
httpd -f -v -p 80 -h /www &
wait`;

const loggerScript = `${hearStop}
n=0
while :; do
  n=$((n + 1))
  case $((n % 10)) in
    3) echo "DEBUG cache: $((n * 7 % 100)) entries kept, $((n % 13)) dropped" ;;
    6) echo "WARN  queue: $((n % 40)) jobs are waiting" >&2 ;;
    9) echo "ERROR mail: message $n could not be sent, trying again" >&2 ;;
    *) echo "INFO  web: GET /orders/$((n * 37 % 1000)) 200 in $((n * 11 % 90 + 5)) ms" ;;
  esac
  sleep 0.7
done`;

/** Hundredths of a second of work in each slot of 0.4 s: half a CPU at the crest. */
const waveDuties = Array.from({ length: 48 }, (_, step) => Math.round(11 - 9 * Math.cos((2 * Math.PI * step) / 48)));

const waveScript = `${hearStop}
now() { read -r up rest < /proc/uptime; t=\${up%.*}\${up#*.}; }
echo "working in a sine wave of 19 seconds"
while :; do
  for duty in ${waveDuties.join(" ")}; do
    now
    end=$((t + duty))
    while now; [ $t -lt $end ]; do :; done
    sleep 0.$((40 - duty))
  done
done`;

const stairsScript = `${hearStop}
while :; do
  for step in 1 2 3 4 5 6 7 8; do
    dd if=/dev/zero of=/dev/shm/step$step bs=1M count=6 2>/dev/null
    echo "step $step: $((step * 6)) MB"
    sleep 2
  done
  for step in 8 7 6 5 4 3 2 1; do
    rm -f /dev/shm/step$step
    sleep 1
  done
  echo "down again"
done`;

const mebibyte = 1024 * 1024;

/** The four containers of `gantry demo`; `webPort` is where the page is published. */
export function demoContainers(webPort: number): DemoContainer[] {
  const published = { hostAddress: "", hostPort: webPort, containerPort: 80, protocol: "tcp" } as const;
  return [
    {
      name: "demo-web",
      about: `a web page: http://localhost:${webPort}/`,
      request: shellRequest("demo-web", webScript, { ports: [published] }),
    },
    {
      name: "demo-logger",
      about: "a talkative log: gantry logs -f demo-logger",
      request: shellRequest("demo-logger", loggerScript, {}),
    },
    {
      name: "demo-wave",
      about: "a wave of CPU work within half a CPU: gantry stats",
      request: shellRequest("demo-wave", waveScript, { resources: { ...unlimited, nanoCpus: 500_000_000 } }),
    },
    {
      name: "demo-stairs",
      about: "memory that goes up in steps within 64 MiB",
      request: shellRequest("demo-stairs", stairsScript, { resources: { ...unlimited, memory: 64 * mebibyte } }),
    },
  ];
}

function shellRequest(name: string, script: string, further: Partial<CreateRequest>): CreateRequest {
  return {
    ...emptyCreateRequest(demoImage),
    name,
    command: ["sh", "-c", script],
    labels: { [demoLabel]: "true" },
    stopTimeout: 3,
    ...further,
  };
}
