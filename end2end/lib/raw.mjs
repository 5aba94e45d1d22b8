// Requests byte for byte, for headers that no client library would send.
import { connect } from "node:net";

/**
 * Sends `GET path` with exactly these header lines (strings or bytes) after Host, and gives the answer. `from`: a local
 * address to come from.
 */
export function raw(base, path, lines = [], { from, method = "GET" } = {}) {
  const { hostname, port, host } = new URL(base);
  const hasHost = lines.some((line) => /^host:/i.test(String(line)));
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), localAddress: from });
    const chunks = [];
    socket.setTimeout(15_000, () => socket.destroy(new Error(`no answer to ${method} ${path}`)));
    socket.on("error", reject);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", () => {
      const text = Buffer.concat(chunks).toString("latin1");
      const [head] = text.split("\r\n\r\n", 1);
      const status = Number(head.match(/^HTTP\/1\.[01] (\d{3})/)?.[1]);
      resolve({ status, head, text: text.slice(head.length + 4), location: head.match(/^location: (.*)$/im)?.[1] });
    });
    socket.on("connect", () => {
      const end = Buffer.from("\r\n");
      const all = [`${method} ${path} HTTP/1.1`, ...(hasHost ? [] : [`Host: ${host}`]), "Connection: close", ...lines];
      // No half-close: some servers take it for a hang-up.
      socket.write(Buffer.concat([...all.flatMap((line) => [Buffer.from(line, Buffer.isBuffer(line) ? undefined : "latin1"), end]), end]));
    });
  });
}
