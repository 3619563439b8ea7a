import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { FAKE_STATS, FAKE_VMM_STATS, type RunningVm, runningVm } from "@bandsox/testkit";
import type { BandSox } from "bandsox";
import { describe, expect, test } from "vitest";
import type { CliContext } from "../context.ts";
import type { Output } from "../output.ts";
import { runCli } from "../run-cli.ts";

/** A command line whose terminal is the test's. */
function commandLine(w: RunningVm, { isTty = false } = {}) {
  const printed = { stdout: "", stderr: "" };
  const output = (name: keyof typeof printed): Output => ({
    ...{ isTty, columns: 80, hasColors: false },
    write: async (data) => {
      printed[name] += typeof data === "string" ? data : Buffer.from(data);
    },
  });
  const keyboard = new PassThrough();
  const controller = new AbortController();
  const resizing = new Set<() => void>();
  const size = { cols: 90, rows: 30 };
  const raw: boolean[] = [];
  const sequences: string[] = [];
  const context: CliContext = {
    env: { TERM: "vt220" },
    stdout: output("stdout"),
    stderr: output("stderr"),
    stdin: { isTty, open: () => keyboard, setRaw: (isRaw) => void raw.push(isRaw) },
    screen: {
      size,
      writeNow: (text) => void sequences.push(text),
      onResize: (listener) => {
        resizing.add(listener);
        return { [Symbol.dispose]: () => void resizing.delete(listener) };
      },
    },
    signal: controller.signal,
    openBandSox: async () =>
      ({ getVm: async () => w.vm, [Symbol.asyncDispose]: async () => {} }) as unknown as BandSox,
  };
  const resize = (cols: number, rows: number) => {
    Object.assign(size, { cols, rows });
    for (const listener of resizing) listener();
  };
  const run = (...args: string[]) => runCli(args, context);
  return {
    run,
    printed,
    keyboard,
    resize,
    raw,
    sequences,
    listeners: resizing,
    interrupt: () => controller.abort(),
  };
}

test.each([["--"], []])("exec runs the command itself, whether %j stands before it", async (...separator) => {
  await using w = await runningVm();
  const cli = commandLine(w);
  expect(await cli.run("exec", w.vm.id, ...separator, "sh", "-c", "exit 7")).toBe(7);
});

describe("exec -i", () => {
  test("gives the command this program's stdin", async () => {
    await using w = await runningVm();
    const cli = commandLine(w);
    cli.keyboard.end("to be counted");
    expect(await cli.run("exec", "-i", w.vm.id, "wc", "-c")).toBe(0);
    expect(cli.printed.stdout.trim()).toBe("13");
  });

  test("ends with the command's code though stdin stays open", async () => {
    await using w = await runningVm();
    const cli = commandLine(w);
    expect(await cli.run("exec", "-i", w.vm.id, "sh", "-c", "exit 7")).toBe(7);
  });
});

describe("exec -it", () => {
  test("passes keys and sizes, ends with the command's code, restores the terminal and forgets the session", async () => {
    await using w = await runningVm();
    const cli = commandLine(w, { isTty: true });
    const running = cli.run("exec", "-it", w.vm.id, "sh", "-c", "echo $TERM; read code; exit $code");
    await expect.poll(() => cli.printed.stdout).toBe("vt220\n");
    const [session] = await w.vm.sessions.list();
    expect(session?.terminal).toMatchObject({ cols: 90, rows: 30 });
    expect(cli.raw).toEqual([true]);
    cli.resize(100, 50);
    await expect.poll(() => w.agent.sessions.resizes(session?.id ?? "")).toEqual([{ cols: 100, rows: 50 }]);
    cli.keyboard.write("9\n");
    expect(await running).toBe(9);
    expect(cli.raw).toEqual([true, false]);
    expect(cli.listeners.size).toBe(0);
    expect(await w.vm.sessions.list()).toEqual([]);
  });

  test("is left by Ctrl-P Ctrl-Q, goes on, and is got back to", async () => {
    await using w = await runningVm();
    const first = commandLine(w, { isTty: true });
    const left = first.run("exec", "-it", w.vm.id, "sh", "-c", "echo kept; read line; exit 3");
    await expect.poll(() => first.printed.stdout).toBe("kept\n");
    first.keyboard.write("\u0010\u0011");
    expect(await left).toBe(0);
    expect(first.raw).toEqual([true, false]);
    expect(first.sequences).toEqual(["\u001b[22;0t", "\u001b[23;0t"]);
    const [session] = await w.vm.sessions.list();
    expect(first.printed.stderr).toContain(`bandsox terminal ${w.vm.id} ${session?.id}`);
    const second = commandLine(w, { isTty: true });
    const back = second.run("terminal", w.vm.id, session?.id ?? "");
    await expect.poll(() => second.printed.stdout).toBe("kept\n");
    second.keyboard.write("\n");
    expect(await back).toBe(3);
  });

  test("that is interrupted restores the terminal and ends the command", async () => {
    await using w = await runningVm();
    const cli = commandLine(w, { isTty: true });
    const running = cli.run("exec", "-it", w.vm.id, "sh", "-c", "echo up; sleep 1000");
    await expect.poll(() => cli.printed.stdout).toBe("up\n");
    cli.interrupt();
    expect(await running).toBe(130);
    expect(cli.raw).toEqual([true, false]);
    expect(await w.vm.sessions.list()).toEqual([]);
  });

  test("restores the terminal when the VM ends under it", async () => {
    await using w = await runningVm();
    const cli = commandLine(w, { isTty: true });
    const running = cli.run("exec", "-it", w.vm.id, "sh", "-c", "echo up; sleep 1000");
    await expect.poll(() => cli.printed.stdout).toBe("up\n");
    await w.vm.stop({ graceMs: 0 });
    expect(await running).toBe(125);
    expect(cli.raw).toEqual([true, false]);
  });

  test("where stdin is no terminal is refused, and nothing is started", async () => {
    await using w = await runningVm();
    const cli = commandLine(w);
    expect(await cli.run("exec", "-it", w.vm.id, "sh")).toBe(2);
    expect(await cli.run("terminal", w.vm.id)).toBe(2);
    expect(cli.printed.stderr).toContain("stdin");
    expect(w.agent.sessions.started).toBe(0);
  });
});

test("exec -t needs no keyboard", async () => {
  await using w = await runningVm();
  const cli = commandLine(w);
  expect(await cli.run("exec", "-t", w.vm.id, "sh", "-c", "echo $TERM; exit 2")).toBe(2);
  expect(cli.printed.stdout).toBe("vt220\n");
});

describe("logs", () => {
  test("prints the console and, following, what is added until it is interrupted", async () => {
    await using w = await runningVm();
    await appendFile(`${w.dir}/console.log`, "booted\r\n");
    const once = commandLine(w);
    expect(await once.run("logs", w.vm.id)).toBe(0);
    expect(once.printed.stdout).toBe("booted\n");
    const following = commandLine(w);
    const running = following.run("logs", "-f", w.vm.id);
    await expect.poll(() => following.printed.stdout).toBe("booted\n");
    await appendFile(`${w.dir}/console.log`, "later\n");
    await expect.poll(() => following.printed.stdout).toBe("booted\nlater\n");
    following.interrupt();
    expect(await running).toBe(0);
  });
});

describe("stats", () => {
  test("prints for people and for programs", async () => {
    await using w = await runningVm();
    const people = commandLine(w);
    expect(await people.run("stats", w.vm.id)).toBe(0);
    expect(people.printed.stdout).toMatch(/^memory +256\.0 MiB, available 128\.0 MiB$/m);
    const programs = commandLine(w);
    await programs.run("stats", "--json", w.vm.id);
    const vmm = { ...FAKE_VMM_STATS, reclaimed: { targetMib: 0, actualMib: 0 } };
    expect(JSON.parse(programs.printed.stdout)).toEqual({ ...FAKE_STATS, vmm });
  });
});

describe("port-forward", () => {
  test("leads into the VM until it is interrupted", async () => {
    await using w = await runningVm();
    const server = createServer((socket) => socket.end("from inside")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const cli = commandLine(w);
    const running = cli.run("port-forward", w.vm.id, `${port}`);
    await expect.poll(() => cli.printed.stdout).toContain(`leads to ${port}`);
    const host = Number(/:([0-9]+) leads/.exec(cli.printed.stdout)?.[1]);
    expect(await text(connect(host, "127.0.0.1"))).toBe("from inside");
    cli.interrupt();
    expect(await running).toBe(0);
    await expect(text(connect(host, "127.0.0.1"))).rejects.toMatchObject({ code: "ECONNREFUSED" });
    server.close();
  });

  test("refuses what is no port, and a VM that does not run", async () => {
    await using w = await runningVm();
    expect(await commandLine(w).run("port-forward", w.vm.id, "0:0")).toBe(2);
    await w.vm.stop({ graceMs: 0 });
    expect(await commandLine(w).run("port-forward", w.vm.id, "80")).toBe(125);
  });
});
