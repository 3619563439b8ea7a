import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { runningVm } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";

/** A service of the "guest", which is this host. */
async function service(onConnection: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}
async function httpService(listener: RequestListener) {
  const server = createHttpServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
/** Answers with what it got, once it got all of it. */
const echoWhole = (socket: Socket) => void buffer(socket).then((bytes) => socket.end(bytes));
async function freePort() {
  await using s = await service(() => {});
  return s.port;
}

describe("a connection into the guest", () => {
  test("carries bytes both ways, and its end", async () => {
    await using w = await runningVm();
    await using s = await service(echoWhole);
    const stream = await w.vm.connect(s.port, { allowHalfOpen: true });
    const sent = Buffer.alloc(1_000_000, "abc");
    stream.end(sent);
    expect((await buffer(stream)).equals(sent)).toBe(true);
  });

  test("to a port nobody listens on is refused", async () => {
    await using w = await runningVm();
    const port = await freePort();
    await expect(w.vm.connect(port)).rejects.toMatchObject({
      code: "connect_failed",
      details: { vmId: w.vm.id, address: `localhost:${port}` },
    });
  });

  test.for([
    [0, "localhost"],
    [65_536, "localhost"],
    [80, "example.com"],
    [80, "::1 HTTP/1.1"],
  ] as const)("to port %d of %j is not asked for", async ([port, host]) => {
    await using w = await runningVm();
    await expect(w.vm.connect(port, { host })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("is broken by its signal", async () => {
    await using w = await runningVm();
    await using s = await service(() => {});
    const controller = new AbortController();
    const stream = await w.vm.connect(s.port, { signal: controller.signal });
    controller.abort();
    await expect(once(stream, "data")).rejects.toMatchObject({ code: "interrupted" });
  });
});

describe("a forwarded port", () => {
  test("carries many connections at once, each whole", async () => {
    await using w = await runningVm();
    await using s = await service(echoWhole);
    await using forwarded = await w.vm.forwardPort({ guest: s.port });
    expect(forwarded.address).toBe("127.0.0.1");
    const answers = Array.from({ length: 20 }, async (_, i) => {
      const client = connect({ port: forwarded.port, host: "127.0.0.1", allowHalfOpen: true });
      client.end(`client ${i} `.repeat(10_000));
      return text(client);
    });
    const expected = answers.map((_, i) => `client ${i} `.repeat(10_000));
    expect(await Promise.all(answers)).toEqual(expected);
  });

  test("outlives connections that cannot be made", async () => {
    await using w = await runningVm();
    const errors: unknown[] = [];
    const port = await freePort();
    await using forwarded = await w.vm.forwardPort({
      guest: port,
      onConnectionError: (error) => errors.push(error),
    });
    const refused = connect(forwarded.port, "127.0.0.1");
    await expect(buffer(refused)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(errors).toMatchObject([{ code: "connect_failed" }]);
    const server = createServer({ allowHalfOpen: true }, echoWhole).listen(port, "127.0.0.1");
    await once(server, "listening");
    const client = connect({ port: forwarded.port, host: "127.0.0.1", allowHalfOpen: true });
    client.end("still there");
    expect(await text(client)).toBe("still there");
    server.close();
  });

  test("ends with its connections when it is disposed of", async () => {
    await using w = await runningVm();
    await using s = await service(() => {});
    const forwarded = await w.vm.forwardPort({ guest: s.port });
    const client = connect(forwarded.port, "127.0.0.1");
    await once(client, "connect");
    const closed = once(client, "close").catch(() => {});
    await forwarded[Symbol.asyncDispose]();
    await closed;
    const late = connect(forwarded.port, "127.0.0.1");
    await expect(once(late, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("that is taken already is said to be", async () => {
    await using w = await runningVm();
    await using s = await service(() => {});
    await expect(w.vm.forwardPort({ guest: 80, host: s.port })).rejects.toMatchObject({
      code: "port_unavailable",
      details: { address: `127.0.0.1:${s.port}` },
    });
  });
});

describe("an HTTP request into the guest", () => {
  test("sends what it is given and tells the answer, whatever its status", async () => {
    await using w = await runningVm();
    await using s = await httpService(async (request, response) => {
      response.writeHead(418, { "content-type": "application/json", "x-two": ["1", "2"] });
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, type: headers["content-type"], body: await text(request) }));
    });
    const response = await w.vm.sendHttpRequest({
      port: s.port,
      path: "/a?b=c",
      method: "POST",
      json: { d: 1 },
    });
    expect(response.status).toBe(418);
    expect(response.headers["x-two"]).toEqual(["1", "2"]);
    expect(response.json()).toEqual({
      method: "POST",
      url: "/a?b=c",
      type: "application/json",
      body: '{"d":1}',
    });
  });

  test("follows redirects only when told, and never out of the guest", async () => {
    await using w = await runningVm();
    await using s = await httpService((request, response) => {
      const targets: Record<string, string> = { "/in": "/there", "/out": "http://192.0.2.1/" };
      const location = targets[request.url ?? ""];
      response.writeHead(location ? 302 : 200, location ? { location } : {}).end(request.url);
    });
    const get = (path: string, maxRedirects: number) =>
      w.vm.sendHttpRequest({ port: s.port, path, maxRedirects });
    expect(await get("/in", 0)).toMatchObject({ status: 302 });
    expect((await get("/in", 1)).text()).toBe("/there");
    await expect(get("/out", 1)).rejects.toMatchObject({
      code: "http_request_failed",
      details: { reason: "redirect" },
    });
  });

  const failures: [string, RequestListener, object, string][] = [
    ["too much", (_, response) => void response.end(Buffer.alloc(2000)), { maxBytes: 1000 }, "too_large"],
    ["nothing in time", () => {}, { timeoutMs: 50 }, "timeout"],
    [
      "half a body",
      (_, response) => {
        response.writeHead(200, { "content-length": 10 });
        response.write("half", () => response.destroy());
      },
      {},
      "broken",
    ],
  ];
  test.for(failures)("that is answered with %s fails", async ([, listener, options, reason]) => {
    await using w = await runningVm();
    await using s = await httpService(listener);
    await expect(w.vm.sendHttpRequest({ port: s.port, ...options })).rejects.toMatchObject({
      code: "http_request_failed",
      details: { vmId: w.vm.id, url: `http://localhost:${s.port}/`, reason },
    });
  });

  test("to no service is refused as a connection is", async () => {
    await using w = await runningVm();
    await expect(w.vm.sendHttpRequest({ port: await freePort() })).rejects.toMatchObject({
      code: "connect_failed",
    });
  });
});
