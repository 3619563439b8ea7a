import { chmod } from "node:fs/promises";
import type { Socket } from "node:net";
import { VmId } from "@bandsox/contract";
import { frame, jsonFrame, startHostileAgent, temporaryDirectory } from "@bandsox/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collect } from "./collect.ts";
import { execWithStdin } from "./exec-duplex.ts";
import { GuestClient } from "./guest-client.ts";
import type { GuestEndpoint } from "./guest-connections.ts";

const vmId = VmId.parse("vm_000000000000");
const EXIT = jsonFrame(3, { exitCode: 0, timedOut: false });

/** One request as a guest's script sees it: its line, and the id of the exec it is about. */
interface Asked {
  readonly line: string;
  readonly id: string;
}

/** A guest that answers each request as told; what it was asked is written down. */
async function guest(answer: (asked: Asked, socket: Socket, nth: number) => void) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  const lines: string[] = [];
  const agent = stack.use(
    await startHostileAgent(socketPath, (socket, request) => {
      const text = request.toString("latin1");
      const line = text.split(" HTTP/", 1)[0] ?? "";
      const id = /x-exec-id: (\S+)/i.exec(text)?.[1] ?? line.split("/")[3]?.split("?", 1)[0] ?? "";
      lines.push(line.replace(id, "ID"));
      answer({ line, id }, socket, lines.length);
    }),
  );
  const endpoint: GuestEndpoint = { vmId, socketPath };
  const client = stack.use(new GuestClient({ ...endpoint, execSlackMs: 2000 }));
  return { agent, client, endpoint, lines, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const body = (id: string | undefined, bytes: Uint8Array, length = bytes.length) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n${id ? `x-exec-id: ${id}\r\n` : ""}\r\n`),
    bytes,
  ]);
const agreed = (headers: string, bytes: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([
    Buffer.from(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bandsox-frames\r\n${headers}\r\n`,
    ),
    bytes,
  ]);
const refusal = (status: number, code: string) => {
  const text = JSON.stringify({ code, message: code });
  return `HTTP/1.1 ${status} No\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
};
const breakAfter = (socket: Socket, bytes: Uint8Array) => socket.write(bytes, () => socket.destroy());
const run = (client: GuestClient) => collect(client.exec({ argv: ["true"] }));

test("what came before the connection broke is not asked for again, wherever it broke", async () => {
  const output = Buffer.concat([frame(1, Buffer.from("one ")), frame(2, Buffer.from("two ")), EXIT]);
  const ends = [9, 18, output.length];
  for (let cut = 0; cut <= output.length; cut += 3) {
    const whole = Math.max(0, ...ends.filter((end) => end <= cut));
    await using g = await guest(({ line, id }, socket, nth) => {
      if (nth === 1) return void breakAfter(socket, body(id, output.subarray(0, cut), output.length));
      const from = Number(line.split("from=")[1]);
      socket.end(agreed("x-exec-stdin: 0\r\n", output.subarray(from)));
    });
    expect(await run(g.client)).toMatchObject({ stdout: "one ", stderr: "two ", exitCode: 0 });
    expect(g.lines).toEqual(
      whole === output.length ? ["POST /v1/exec"] : ["POST /v1/exec", `GET /v1/execs/ID?from=${whole}`],
    );
  }
});

test("a start that was not answered is asked about, and not repeated where it may have reached the guest", async () => {
  await using known = await guest((_asked, socket, nth) => {
    if (nth === 1) return void socket.destroy();
    socket.end(agreed("x-exec-stdin: 0\r\n", EXIT));
  });
  expect(await run(known.client)).toMatchObject({ exitCode: 0 });
  for (const [status, code] of [
    [404, "exec_not_found"],
    [404, "not_found"],
  ] as const) {
    await using unknown = await guest((_asked, socket, nth) => {
      if (nth === 1) return void socket.destroy();
      socket.end(refusal(status, code));
    });
    await expect(run(unknown.client)).rejects.toMatchObject({ code: "guest_unreachable" });
    expect(unknown.lines).toEqual(["POST /v1/exec", "GET /v1/execs/ID?from=0", "DELETE /v1/execs/ID"]);
  }
});

test("a start that the guest will never make is made again under another id, a few times", async () => {
  const ids = new Set<string>();
  const failing = (failures: number) =>
    guest(({ line, id }, socket) => {
      if (line !== "POST /v1/exec") {
        const isGoodbye = line.startsWith("DELETE");
        return void socket.end(refusal(404, isGoodbye ? "exec_never_started" : "exec_not_found"));
      }
      ids.add(id);
      if (failures-- > 0) socket.destroy();
      else socket.end(body(id, EXIT));
    });
  await using twice = await failing(2);
  expect(await run(twice.client)).toMatchObject({ exitCode: 0 });
  expect(ids.size).toBe(3);
  await using always = await failing(Number.POSITIVE_INFINITY);
  await expect(run(always.client)).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(always.lines.filter((line) => line.startsWith("POST")).length).toBeLessThanOrEqual(6);
});

test("a start is not repeated where another machine has taken the place of the one that was asked", async () => {
  await using g = await guest(({ line }, socket) => {
    if (line === "POST /v1/exec") return void socket.destroy();
    if (line.startsWith("GET")) return void socket.end(refusal(404, "exec_not_found"));
    // As it is when another VMM's supervisor has made it
    void chmod(g.endpoint.socketPath, 0o600).then(() => socket.end(refusal(404, "exec_never_started")));
  });
  await expect(run(g.client)).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(g.lines.filter((line) => line.startsWith("POST"))).toHaveLength(1);
});

test("a guest that keeps nothing of an ended command any more is read to the end", async () => {
  const piece = frame(1, Buffer.alloc(60_000, "x"));
  const [first, rest] = [Buffer.concat(Array(8).fill(piece)), Buffer.concat([...Array(8).fill(piece), EXIT])];
  let answering: Socket | undefined;
  await using g = await guest(({ line, id }, socket) => {
    if (line === "POST /v1/exec") {
      answering = socket;
      socket.write(body(id, first, first.length + rest.length));
    } else if (line.includes("/received?")) {
      socket.end(refusal(404, "exec_not_found"), () => answering?.write(rest));
    } else socket.end(refusal(404, "exec_not_found"));
  });
  const result = await run(g.client);
  expect({ exitCode: result.exitCode, bytes: result.stdout.length }).toEqual({
    exitCode: 0,
    bytes: 16 * 60_000,
  });
  expect(g.lines.some((line) => line.startsWith("GET "))).toBe(false);
});

test("an older agent's exec ends with its connection", async () => {
  await using g = await guest((_asked, socket) => breakAfter(socket, body(undefined, frame(1, EXIT), 1000)));
  await expect(run(g.client)).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(g.lines).toEqual(["POST /v1/exec"]);
});

test("a guest that has lost the command is asked once, and one that gets nowhere a few times", async () => {
  const start = (id: string, socket: Socket) => breakAfter(socket, body(id, frame(1, EXIT), 1000));
  await using lost = await guest(({ id }, socket, nth) => {
    if (nth === 1) start(id, socket);
    else socket.end(refusal(404, "exec_not_found"));
  });
  await expect(run(lost.client)).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(lost.lines).toHaveLength(2);
  await using stuck = await guest(({ id }, socket, nth) => {
    if (nth === 1) start(id, socket);
    else socket.end(agreed("x-exec-stdin: 0\r\n"));
  });
  await expect(run(stuck.client)).rejects.toMatchObject({ code: "guest_unreachable" });
  expect(stuck.lines.filter((line) => line.startsWith("GET")).length).toBeLessThanOrEqual(6);
});

test("what came while the guest was being told what had come, it is told too", async () => {
  const MIB = 1024 * 1024;
  const piece = frame(1, Buffer.alloc(65_531));
  let stream: Socket | undefined;
  await using g = await guest(({ line, id }, socket, nth) => {
    if (nth === 1) {
      stream = socket;
      socket.write(body(id, Buffer.concat(Array.from({ length: 17 }, () => piece)), 100 * MIB));
    } else if (line.includes("bytes=") && Number(line.split("bytes=")[1]) < 2 * MIB) {
      // It has room again, and fills it before its answer comes.
      for (let n = 0; n < 17; n++) stream?.write(piece);
      setTimeout(() => socket.end(refusal(200, "taken")), 300);
    } else if (line.includes("bytes=")) {
      socket.end(refusal(200, "taken"));
      stream?.write(EXIT);
    } else socket.end(refusal(200, "gone"));
  });
  expect((await run(g.client)).stdout).toHaveLength(34 * 65_531);
});

test("leaving the iteration says so, and so does an abort before there is an answer", async () => {
  await using g = await guest(({ line, id }, socket) => {
    if (line.startsWith("POST")) return void socket.write(body(id, frame(1, Buffer.from("on")), 1000));
    socket.end(refusal(200, "gone"));
  });
  for await (const _ of g.client.exec({ argv: ["true"] })) break;
  expect(g.lines).toEqual(["POST /v1/exec", "DELETE /v1/execs/ID"]);
  await using mute = await guest(({ line }, socket) => {
    if (line.startsWith("DELETE")) socket.end(refusal(200, "gone"));
  });
  const stop = new AbortController();
  const running = collect(mute.client.exec({ argv: ["true"] }, stop.signal));
  await expect.poll(() => mute.lines).toEqual(["POST /v1/exec"]);
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
  expect(mute.lines).toEqual(["POST /v1/exec", "DELETE /v1/execs/ID"]);
});

describe("a hostile guest costs an error and nothing else", () => {
  const lies = [
    "",
    "x-exec-stdin: 4\r\n",
    "x-exec-stdin: -1\r\n",
    "x-exec-stdin: 1e3\r\n",
    "x-exec-stdin: 01x\r\n",
  ];
  test.for(lies)("%j of stdin cannot have arrived", async (header) => {
    await using g = await guest(({ id, line }, socket, nth) => {
      if (nth === 1) return void breakAfter(socket, agreed(`x-exec-id: ${id}\r\n`));
      if (line.startsWith("DELETE")) return void socket.end(refusal(200, "gone"));
      socket.write(agreed(header));
    });
    const running = collect(execWithStdin(g.endpoint, { argv: ["cat"] }, { stdin: "abc" }));
    await expect(running).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test("whatever it sends on a second connection ends in a result or an error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (bytes, isFramed) => {
        await using g = await guest(({ id, line }, socket, nth) => {
          if (nth === 1) return void breakAfter(socket, body(id, frame(1, EXIT), 1000));
          if (line.startsWith("DELETE")) return void socket.end(refusal(200, "gone"));
          const sent = isFramed ? frame(bytes[0] ?? 0, bytes) : bytes;
          socket.end(nth > 3 ? refusal(404, "exec_not_found") : agreed("x-exec-stdin: 0\r\n", sent));
        });
        await run(g.client).catch((error) => {
          expect(["guest_protocol", "guest_unreachable"]).toContain(error.code);
        });
        expect(g.agent.accepted()).toBeLessThan(12);
      }),
      { numRuns: 15 },
    );
  });
});
