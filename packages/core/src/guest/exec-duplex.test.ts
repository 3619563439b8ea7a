import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { VmId } from "@bandsox/contract";
import {
  frame,
  jsonFrame,
  startFakeAgent,
  startHostileAgent,
  switchTo,
  temporaryDirectory,
} from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { collect } from "./collect.ts";
import { execWithStdin } from "./exec-duplex.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import type { StdinInput } from "./stdin-source.ts";

const vmId = VmId.parse("vm_000000000000");
const EXIT = jsonFrame(3, { exitCode: 0, timedOut: false });

async function guest() {
  const stack = new AsyncDisposableStack();
  const { path: dir } = stack.use(await temporaryDirectory());
  const socketPath = `${dir}/agent.sock`;
  stack.use(await startFakeAgent(socketPath));
  const endpoint: GuestEndpoint = { vmId, socketPath };
  return { endpoint, dir, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function hostile(script: (socket: Socket, request: Buffer) => void) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const socketPath = `${path}/agent.sock`;
  const agent = stack.use(await startHostileAgent(socketPath, script));
  const endpoint: GuestEndpoint = { vmId, socketPath };
  return { endpoint, agent, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const run = (endpoint: GuestEndpoint, argv: string[], stdin: StdinInput, signal?: AbortSignal) =>
  collect(execWithStdin(endpoint, { argv }, { stdin, signal }));

async function* endless() {
  for (;;) yield Buffer.alloc(65_536);
}

describe("what a command reads from its stdin", () => {
  const inputs: [string, () => StdinInput][] = [
    ["text", () => "häll€o"],
    ["bytes", () => Buffer.from("häll€o")],
    ["an async iterable of both", () => mixed()],
    ["a web stream", () => new Blob(["häll€o"]).stream()],
  ];
  test.for(inputs)("is %s", async ([, stdin]) => {
    await using g = await guest();
    expect(await run(g.endpoint, ["cat"], stdin())).toMatchObject({ stdout: "häll€o", exitCode: 0 });
  });

  test("is a Node stream, whole, however large", async () => {
    await using g = await guest();
    await writeFile(`${g.dir}/large`, Buffer.alloc(3_000_000, "x"));
    const result = await run(g.endpoint, ["wc", "-c"], createReadStream(`${g.dir}/large`));
    expect(Number(result.stdout)).toBe(3_000_000);
  });

  test("is empty, and ends", async () => {
    await using g = await guest();
    expect(await run(g.endpoint, ["cat"], "")).toMatchObject({ stdout: "", exitCode: 0 });
  });

  test("is nothing else", async () => {
    await using g = await guest();
    await expect(run(g.endpoint, ["cat"], 7 as never)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

async function* mixed() {
  yield "hä";
  yield Buffer.from("ll");
  yield "";
  yield "€o";
}

describe("the end of an exec with input", () => {
  test("a command that ends without reading ends the exec, and its input is given up", async () => {
    await using g = await guest();
    const stdin = new PassThrough();
    expect(await run(g.endpoint, ["sh", "-c", "echo out; exit 3"], stdin)).toMatchObject({
      stdout: "out\n",
      exitCode: 3,
    });
    expect(stdin.destroyed).toBe(true);
  });

  test("an iterator that is not read to its end is returned", async () => {
    await using g = await guest();
    const returned = Promise.withResolvers<string>();
    async function* numbers() {
      try {
        for (;;) yield "1\n";
      } finally {
        returned.resolve("returned");
      }
    }
    await run(g.endpoint, ["head", "-n", "1"], numbers());
    expect(await returned.promise).toBe("returned");
  });

  test("an input that fails kills the command and is what the caller sees", async () => {
    await using g = await guest();
    async function* broken() {
      yield "a";
      throw new Error("the disk is on fire");
    }
    await expect(run(g.endpoint, ["cat"], broken())).rejects.toThrow("the disk is on fire");
  });

  test("a program that is not there is refused, and the input given up", async () => {
    await using g = await guest();
    const stdin = new PassThrough();
    await expect(run(g.endpoint, ["/no/such/program"], stdin)).rejects.toMatchObject({
      code: "exec_not_started",
      details: { vmId, command: "/no/such/program" },
    });
    expect(stdin.destroyed).toBe(true);
  });

  test("a signal interrupts a command that waits for input that never comes", async () => {
    await using g = await guest();
    const controller = new AbortController();
    const events = execWithStdin(
      g.endpoint,
      { argv: ["sh", "-c", "echo up; cat"] },
      {
        stdin: new PassThrough(),
        signal: controller.signal,
      },
    );
    expect(await events.next()).toMatchObject({ value: { type: "stdout" } });
    controller.abort();
    await expect(events.next()).rejects.toMatchObject({ code: "interrupted" });
  });
});

describe("a hostile guest costs that call and nothing more", () => {
  const upgradedWith = (bytes: Uint8Array) => (socket: Socket) => {
    switchTo(socket, "bandsox-frames");
    socket.write(bytes);
  };
  const lies: [string, (socket: Socket) => void, string][] = [
    ["a frame longer than allowed", upgradedWith(Buffer.from([1, 0xff, 0xff, 0xff, 0xff])), "guest_protocol"],
    ["a frame of a kind only hosts send", upgradedWith(frame(16, Buffer.from("x"))), "guest_protocol"],
    [
      "a gap where nothing is kept",
      upgradedWith(jsonFrame(4, { stream: "stdout", from: 0, to: 1 })),
      "guest_protocol",
    ],
    ["an exit that is none", upgradedWith(frame(3, Buffer.from("{}"))), "guest_protocol"],
    ["garbage after 101", upgradedWith(Buffer.alloc(100_000, 0xaa)), "guest_protocol"],
    ["no HTTP", (s) => void s.end("SSH-2.0-nope\r\n"), "guest_unreachable"],
    ["101 to another protocol", (s) => switchTo(s, "websocket"), "guest_protocol"],
    ["101 to nothing", (s) => void s.write("HTTP/1.1 101 Yes\r\n\r\n"), "guest_protocol"],
    [
      "200 instead of 101",
      (s) => void s.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
      "guest_protocol",
    ],
    [
      "a refusal without a reason",
      (s) => void s.end("HTTP/1.1 500 No\r\ncontent-length: 1\r\n\r\nx"),
      "guest_protocol",
    ],
    ["a refusal without end", (s) => void flood(s, "HTTP/1.1 500 No\r\n\r\n"), "guest_protocol"],
    ["a head without end", (s) => void flood(s, "HTTP/1.1 101 Yes\r\nx: "), "guest_unreachable"],
  ];
  test.for(lies)("%s", async ([, script, code]) => {
    await using g = await hostile((socket) => script(socket));
    await expect(run(g.endpoint, ["true"], endless())).rejects.toMatchObject({ code });
    await expect.poll(g.agent.open).toBe(0);
  });

  const answer = Buffer.concat([frame(1, Buffer.from("hello")), frame(2, Buffer.from("you")), EXIT]);
  test("closing at every point of an answer is never a success", async () => {
    for (let length = 0; length < answer.length; length++) {
      await using g = await hostile((socket) => {
        switchTo(socket, "bandsox-frames");
        socket.end(answer.subarray(0, length));
      });
      await expect(run(g.endpoint, ["true"], "in")).rejects.toMatchObject({
        code: expect.stringMatching(/^guest_(unreachable|protocol)$/),
      });
    }
  });

  test("a guest that never answers costs the time that was given, and the connection", async () => {
    await using g = await hostile(() => {});
    const signal = AbortSignal.timeout(50);
    await expect(run(g.endpoint, ["true"], "in", signal)).rejects.toMatchObject({ code: "interrupted" });
    await expect.poll(g.agent.open).toBe(0);
  });

  test("a guest that never reads holds up the input, not the host", async () => {
    await using g = await hostile((socket) => {
      socket.pause();
      switchTo(socket, "bandsox-frames");
    });
    let taken = 0;
    async function* counted() {
      for await (const chunk of endless()) {
        taken += chunk.length;
        yield chunk;
      }
    }
    const controller = new AbortController();
    const running = run(g.endpoint, ["true"], counted(), controller.signal);
    running.catch(() => {});
    await expect.poll(() => taken).toBeGreaterThan(0);
    let seen = -1;
    const stands = () => {
      const before = seen;
      seen = taken;
      return before === taken;
    };
    await expect.poll(stands, { interval: 50 }).toBe(true);
    expect(taken).toBeLessThan(16 * 1024 * 1024);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "interrupted" });
  });
});

function flood(socket: Socket, head: string): void {
  socket.write(head);
  const chunk = Buffer.alloc(65_536, "a");
  const more = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}
