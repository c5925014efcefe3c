import { EngineError } from "../../errors.ts";

const portPattern = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]+))?$/;
const protocols = ["tcp", "udp", "sctp"];

/** `80` is `80/tcp`, `80-82/udp` three of them; of `8080:80` the container's side counts. Fails with `invalid-argument`. */
export function parsePorts(text: string): string[] {
  const own = text.slice(text.lastIndexOf(":") + 1);
  const match = portPattern.exec(own);
  if (match === null) throw new EngineError("invalid-argument", `EXPOSE: invalid containerPort: ${text.slice(0, 80)}`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  const protocol = (match[3] ?? "tcp").toLowerCase();
  if (!protocols.includes(protocol)) {
    throw new EngineError("invalid-argument", `EXPOSE: invalid proto: ${protocol.slice(0, 40)}`);
  }
  if (last < first || last > 65_535) {
    throw new EngineError("invalid-argument", `EXPOSE: invalid range specified for port: ${own}`);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}
