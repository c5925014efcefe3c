/**
 * What a test suite of somebody's does with Testcontainers: DOCKER_HOST names the engine, IMAGE a busybox. Says what it saw as one line of JSON;
 * a line on stdin has it end in order.
 */
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { GenericContainer, Network, Wait } from "testcontainers";

const image = process.env.IMAGE ?? "";
// Testcontainers' own connections do not keep a program going.
process.stdin.resume();

const network = await new Network().start();
const web = await new GenericContainer(image)
  .withNetwork(network)
  .withNetworkAliases("web")
  .withExposedPorts(8080)
  .withEnvironment({ GREETING: "hello" })
  .withCopyContentToContainer([{ content: "a page\n", target: "/www/index.html" }])
  .withTmpFs({ "/scratch": "rw" })
  .withCommand(["sh", "-c", "sleep 0.3; echo ready to serve $GREETING; exec httpd -f -p 8080 -h /www"])
  .withWaitStrategy(Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage(/ready to serve/)]))
  .start();
const page = () => fetch(`http://${web.getHost()}:${web.getMappedPort(8080)}/`).then((answer) => answer.text());
const checked = await new GenericContainer(image)
  .withNetwork(network)
  .withCommand(["sh", "-c", "while true; do wget -qO /page http://web:8080/; sleep 0.1; done"])
  .withHealthCheck({ test: ["CMD-SHELL", "test -s /page"], interval: 200, timeout: 2_000, retries: 50 })
  .withWaitStrategy(Wait.forHealthCheck())
  .start();
const oneShot = await new GenericContainer(image)
  .withCommand(["true"])
  .withWaitStrategy(Wait.forOneShotStartup())
  .start();

const seen = {
  page: await page(),
  exec: await checked.exec(["cat", "/page"]),
  failing: (await checked.exec(["sh", "-c", "exit 7"], { user: "1000" })).exitCode,
  logs: await logsOf(web),
  archive: (await text(await web.copyArchiveFromContainer("/www/index.html"))).includes("a page\n"),
  afterRestart: await web.restart().then(page),
  containers: [web.getId(), checked.getId(), oneShot.getId()],
  network: network.getId(),
};
console.log(JSON.stringify(seen));
await once(process.stdin, "data");
for (const container of [web, checked, oneShot]) await container.stop();
await network.stop();
process.exit(0);

/** Its stream does not end while the container runs. */
async function logsOf(container: typeof web): Promise<string> {
  const stream = await container.logs();
  let said = "";
  for await (const chunk of stream) {
    said += String(chunk);
    if (said.includes("\n")) break;
  }
  return said;
}
