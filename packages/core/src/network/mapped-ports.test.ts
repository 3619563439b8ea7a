import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { assertNotMapped, assertUnpublished, mappedByChain, portMappings } from "./mapped-ports.ts";

const port = (host: number, address = "127.0.0.1") => ({ guest: 80, host, address });

test("a chain that can is told of ports with a number; the supervisor listens for others", () => {
  const ports = [port(8080), port(0)];
  expect(mappedByChain(ports, { mapsPorts: true })).toEqual([port(8080)]);
  expect(mappedByChain(ports, { mapsPorts: false })).toEqual([]);
});

test("all addresses are none in particular to plugins", () => {
  expect(portMappings([port(1, "0.0.0.0"), port(2, "::"), port(3, "192.0.2.2")])).toEqual([
    { hostPort: 1, containerPort: 80, protocol: "tcp" },
    { hostPort: 2, containerPort: 80, protocol: "tcp" },
    { hostPort: 3, containerPort: 80, protocol: "tcp", hostIP: "192.0.2.2" },
  ]);
});

test("a port of another VM's, or that somebody listens at, is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: busy } = server.address() as AddressInfo;
  const refused = { code: "port_unavailable" };
  await expect(assertUnpublished([port(busy)], [])).rejects.toMatchObject(refused);
  server.close();
  await once(server, "close");
  await assertUnpublished([port(busy)], [port(busy, "192.0.2.2")]);
  await expect(assertUnpublished([port(busy)], [port(busy, "0.0.0.0")])).rejects.toMatchObject(refused);
  await expect(assertUnpublished([port(busy, "::1")], [port(busy, "::1")])).rejects.toMatchObject({
    details: { address: `[::1]:${busy}` },
  });
});

test("a port is not published twice, nor listened at where a chain leads it elsewhere", async () => {
  await expect(assertUnpublished([port(8080), { ...port(8080), guest: 81 }], [])).rejects.toMatchObject({
    code: "port_unavailable",
  });
  expect(() => assertNotMapped([port(8080)], [port(8080, "0.0.0.0")])).toThrow("it is another VM's");
  expect(() => assertNotMapped([port(0), port(8081)], [port(8080)])).not.toThrow();
});
