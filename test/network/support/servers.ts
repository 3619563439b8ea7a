/** The Internet's servers, run in a namespace of their own: HTTP on port 80 of every address, names on port 53. */
import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";

const TTL_SECONDS = 30;
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "example.com": ["93.184.216.34"],
  "www.example.com": ["93.184.216.34"],
  "other.com": ["1.1.1.1"],
  "rebind.example.com": ["10.9.9.9"],
  "mixed.example.com": ["10.9.9.9", "93.184.216.34"],
};

for (const host of ["0.0.0.0", "::"])
  createServer((request, response) => {
    response.end(`you are ${request.socket.remoteAddress} at ${request.socket.localAddress}\n`);
  }).listen({ port: 80, host, ipv6Only: true });

// Echoes for as long as it is connected.
createTcpServer((socket) => void socket.on("error", () => {}).pipe(socket)).listen(7, "0.0.0.0");

const NAMES6: Readonly<Record<string, string>> = { "example.com": "2606:2800:220:0:0:0:0:34" };

/** The answer's addresses, by the type that is asked for. */
function addressesOf(name: string, type: number): Buffer[] {
  if (type === 1) return (NAMES[name] ?? []).map((address) => Buffer.from(address.split(".").map(Number)));
  const words = type === 28 ? (NAMES6[name]?.split(":") ?? []) : [];
  return words.length === 0 ? [] : [Buffer.from(words.map((word) => word.padStart(4, "0")).join(""), "hex")];
}

const names = createSocket("udp4");
names.on("message", (query, from) => {
  let at = 12;
  const labels: string[] = [];
  while (query[at] !== 0) {
    const length = query[at] ?? 0;
    labels.push(query.subarray(at + 1, at + 1 + length).toString());
    at += length + 1;
  }
  const type = query.readUInt16BE(at + 1);
  const addresses = addressesOf(labels.join(".").toLowerCase(), type);
  const isKnown = labels.join(".").toLowerCase() in NAMES;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  const records = addresses.map((address) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(TTL_SECONDS, 6);
    record.writeUInt16BE(address.length, 10);
    return Buffer.concat([record, address]);
  });
  names.send(Buffer.concat([header, query.subarray(12, at + 5), ...records]), from.port, from.address);
});
names.bind(53, "8.8.8.8", () => process.stdout.write("ready\n"));
