import type { Socket } from "node:net";
import type { SessionEvent } from "@bandsox/contract";
import { VmId } from "@bandsox/contract";
import {
  frame,
  guestAt,
  jsonFrame,
  runningVm,
  startHostileAgent,
  switchTo,
  temporaryDirectory,
} from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { Session } from "./session.ts";

/** A place for a hostile agent, and a handle on a session it may claim to have. */
async function guestless() {
  const directory = await temporaryDirectory();
  const socketPath = `${directory.path}/agent.sock`;
  const vmId = VmId.parse("vm_000000000000");
  const session = (id: string) => new Session(guestAt({ vmId, socketPath }), id);
  return { socketPath, session, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

async function textOf(events: AsyncIterable<SessionEvent>) {
  const text = { stdout: "", stderr: "" };
  for await (const event of events) {
    if (event.type === "exit") return { ...text, exitCode: event.exitCode };
    if (event.type !== "gap") text[event.type] += Buffer.from(event.data).toString();
  }
  throw new Error("the session's events ended without an exit");
}

/** Reads until a text has come, and leaves. */
async function until(session: Session, words: string): Promise<void> {
  let text = "";
  for await (const event of session.attach()) {
    if (event.type === "stdout") text += Buffer.from(event.data).toString();
    if (text.includes(words)) return;
  }
  throw new Error(`the session ended with ${text}`);
}

describe("a session", () => {
  test("runs without anybody attached, and tells all of it afterwards", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start("echo out; echo err >&2; exit 4");
    expect(await session.wait()).toMatchObject({ exitCode: 4 });
    expect(await textOf(session.attach())).toEqual({ stdout: "out\n", stderr: "err\n", exitCode: 4 });
  });

  test("is found by its id from any handle, and listed with what runs in it", async () => {
    await using w = await runningVm();
    const { id } = await w.vm.sessions.start(["sleep", "1000"]);
    const again = await w.vm.sessions.get(id);
    expect(await again.info()).toMatchObject({ id, argv: ["sleep", "1000"], stdin: "none" });
    expect(await w.vm.sessions.list()).toMatchObject([{ id }]);
    await expect(w.vm.sessions.get("other")).rejects.toMatchObject({
      code: "session_not_found",
      details: { sessionId: "other" },
    });
  });

  test("lives on when an attachment is left", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start("echo up; read line; echo got $line", { stdin: true });
    await until(session, "up");
    await session.write("it\n");
    expect(await textOf(session.attach())).toMatchObject({ stdout: "up\ngot it\n" });
  });

  test("writes arrive in the order of the calls, and the end after them", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start(["cat"], { stdin: true });
    const large = "x".repeat(300_000);
    await Promise.all([session.write("a"), session.write("b"), session.write(large), session.closeStdin()]);
    expect((await textOf(session.attach())).stdout).toBe(`ab${large}`);
    await expect(session.write("late")).rejects.toMatchObject({ code: "stdin_closed" });
  });

  test("is started once though the answer to its start is lost", async () => {
    let losses = 2;
    await using w = await runningVm({
      losesAnswer: (route) => route.startsWith("PUT /v1/sessions/") && losses-- > 0,
    });
    const session = await w.vm.sessions.start(["sleep", "1000"]);
    expect(w.agent.sessions.started).toBe(1);
    expect(w.agent.sessions.ids()).toEqual([session.id]);
  });

  test("an attachment whose connection breaks goes on where it broke", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start("echo $$; for i in 1 2 3; do read line; echo $line; done", {
      stdin: true,
    });
    const events = session.attach();
    const seen: string[] = [];
    const offsets: number[] = [];
    for (const word of ["one", "two", "three"]) {
      const { value } = await events.next();
      if (value?.type !== "stdout") throw new Error(`expected output, got ${value?.type}`);
      offsets.push(value.offset);
      seen.push(Buffer.from(value.data).toString());
      w.agent.dropConnections();
      await session.write(`${word}\n`);
    }
    const rest = await textOf(events);
    const stdout = seen.join("") + rest.stdout;
    expect(stdout.split("\n").slice(1)).toEqual(["one", "two", "three", ""]);
    expect(offsets[0]).toBe(0);
    expect(rest.exitCode).toBe(0);
  });

  test("output the journal has lost is told as a gap", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start(["head", "-c", "300000", "/dev/zero"], { journalBytes: 4096 });
    await session.wait();
    const [gap] = await Array.fromAsync(session.attach());
    const { stdout } = await session.info();
    expect(gap).toEqual({ type: "gap", stream: "stdout", from: 0, to: stdout.from });
    expect(stdout.to).toBe(300_000);
  });

  test("an attachment at the end tells only what is to come", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start("echo old; read line; echo new", { stdin: true });
    await until(session, "old");
    const rest = textOf(session.attach({ stdout: "end" }));
    await expect.poll(async () => (await session.info()).viewers).toBe(1);
    await session.write("\n");
    expect(await rest).toMatchObject({ stdout: "new\n" });
    await expect(session.attach({ stdout: 99 }).next()).rejects.toMatchObject({ code: "offset_ahead" });
  });

  test("signals, kill and delete reach its process group", async () => {
    await using w = await runningVm();
    const trapping = await w.vm.sessions.start(
      "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.05; done",
    );
    await until(trapping, "up");
    await trapping.signal("SIGINT");
    expect(await trapping.wait()).toMatchObject({ exitCode: 5 });
    await expect(trapping.signal("SIGINT")).rejects.toMatchObject({ code: "session_ended" });
    const sleeping = await w.vm.sessions.start(["sleep", "1000"]);
    await sleeping.kill();
    expect(await sleeping.wait()).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
    await sleeping.delete();
    await expect(sleeping.info()).rejects.toMatchObject({ code: "session_not_found" });
  });

  test("what cannot be is refused before it is sent", async () => {
    await using w = await runningVm();
    const refused = { code: "invalid_argument" };
    await expect(w.vm.sessions.start([])).rejects.toMatchObject(refused);
    await expect(w.vm.sessions.get("../x")).rejects.toMatchObject(refused);
    const session = await w.vm.sessions.start(["sleep", "1000"]);
    await expect(session.signal("9; reboot")).rejects.toMatchObject(refused);
    await expect(session.resize({ cols: 0, rows: 1 })).rejects.toMatchObject(refused);
    await expect(session.resize({ cols: 10, rows: 1 })).rejects.toMatchObject({ code: "not_a_terminal" });
  });
});

describe("a VM that is gone", () => {
  test("ends an attachment with the VM's state", async () => {
    await using w = await runningVm();
    const session = await w.vm.sessions.start("echo up; sleep 1000");
    const events = session.attach();
    await events.next();
    await w.vm.stop({ graceMs: 0 });
    await expect(events.next()).rejects.toMatchObject({ code: "vm_wrong_state" });
  });
});

describe("a terminal", () => {
  test("passes bytes both ways, takes sizes, and tells its end", async () => {
    await using w = await runningVm();
    const terminal = await w.vm.terminal({
      cols: 100,
      rows: 40,
      term: "vt100",
      command: "echo $TERM; read x; exit $x",
    });
    const output = terminal.output[Symbol.asyncIterator]();
    expect(Buffer.from((await output.next()).value ?? "").toString()).toBe("vt100\n");
    await terminal.resize({ cols: 120, rows: 50 });
    expect(await terminal.session.info()).toMatchObject({ terminal: { cols: 120, rows: 50 } });
    await terminal.write("6\n");
    expect(await output.next()).toMatchObject({ done: true });
    expect(await terminal.exit()).toMatchObject({ exitCode: 6 });
  });

  test("is left by one view and seen by another", async () => {
    await using w = await runningVm();
    const first = await w.vm.terminal({ command: ["cat"] });
    const output = first.output[Symbol.asyncIterator]();
    await first.write("kept\n");
    await output.next();
    first.detach();
    expect(await output.next()).toMatchObject({ done: true });
    const second = await w.vm.attachTerminal(first.id);
    const again = await second.output[Symbol.asyncIterator]().next();
    expect(Buffer.from(again.value ?? "").toString()).toBe("kept\n");
  });
});

describe("a hostile guest", () => {
  const attached = (bytes: Uint8Array) => (socket: Socket) => {
    switchTo(socket, "bandsox-frames");
    socket.end(bytes);
  };
  const lies: [string, (socket: Socket) => void, string][] = [
    ["a gap elsewhere", attached(jsonFrame(4, { stream: "stdout", from: 5, to: 9 })), "guest_protocol"],
    ["a gap backwards", attached(jsonFrame(4, { stream: "stdout", from: 0, to: 0 })), "guest_protocol"],
    ["a gap of no stream", attached(jsonFrame(4, { stream: "stdin", from: 0, to: 1 })), "guest_protocol"],
    ["a frame cut short", attached(frame(1, Buffer.from("abc")).subarray(0, 6)), "guest_unreachable"],
    ["nothing at all", attached(Buffer.alloc(0)), "guest_unreachable"],
  ];
  test.for(lies)("that sends %s ends the attachment", async ([, script, code]) => {
    await using g = await guestless();
    await using agent = await startHostileAgent(g.socketPath, script);
    await expect(g.session("s").attach().next()).rejects.toMatchObject({ code });
    await expect.poll(agent.open).toBe(0);
    expect(agent.accepted()).toBeLessThanOrEqual(6);
  });

  test("that lies about a session is not believed", async () => {
    await using g = await guestless();
    const body = JSON.stringify({ id: "../../etc", argv: [] });
    await using _ = await startHostileAgent(g.socketPath, (socket) => {
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    await expect(g.session("s").info()).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test("that answers without end is cut off", async () => {
    await using g = await guestless();
    await using agent = await startHostileAgent(g.socketPath, (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const chunk = Buffer.alloc(65_536, " ");
      const more = () => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on("drain", more);
      more();
    });
    await expect(g.session("s").info()).rejects.toMatchObject({ code: "guest_protocol" });
    await expect.poll(agent.open).toBe(0);
  });
});
