import { expect, it } from "vitest";
import type { PortBinding } from "../../../engine/protocol/ports.ts";
import { formatPorts } from "../../../src/format/ports.ts";

function port(hostAddress: string, hostPort: number, containerPort: number, protocol: PortBinding["protocol"] = "tcp") {
  return { hostAddress, hostPort, containerPort, protocol };
}

it.each<[string, PortBinding[]]>([
  ["", []],
  ["0.0.0.0:8080->80/tcp", [port("0.0.0.0", 8080, 80)]],
  ["0.0.0.0:8080->80/tcp", [port("", 8080, 80)]],
  ["0.0.0.0:8080->80/tcp, [::]:8080->80/tcp", [port("::", 8080, 80), port("0.0.0.0", 8080, 80)]],
  ["127.0.0.1:53->53/udp", [port("127.0.0.1", 53, 53, "udp")]],
  ["0.0.0.0:3000-3002->3000-3002/tcp", [port("", 3001, 3001), port("", 3000, 3000), port("", 3002, 3002)]],
  ["0.0.0.0:9000-9001->80-81/tcp", [port("", 9000, 80), port("", 9001, 81)]],
  ["0.0.0.0:9000->80/tcp, 0.0.0.0:9002->81/tcp", [port("", 9000, 80), port("", 9002, 81)]],
  ["0.0.0.0:80->80/tcp, 0.0.0.0:8080->80/tcp", [port("", 8080, 80), port("", 80, 80)]],
  ["0.0.0.0:53->53/tcp, 0.0.0.0:53->53/udp", [port("", 53, 53, "udp"), port("", 53, 53)]],
  ["0.0.0.0:80-81->80-81/tcp, 0.0.0.0:81->81/udp", [port("", 80, 80), port("", 81, 81, "udp"), port("", 81, 81)]],
])("writes %s", (text, ports) => {
  expect(formatPorts(ports)).toBe(text);
});
