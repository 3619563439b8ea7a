import type { ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BandSox } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let server: ChildProcess;
let bs: BandSox;
let url: string;

async function serve(port: string): Promise<ChildProcess> {
  const child = world.start("serve", "--port", port);
  for await (const line of createInterface({ input: child.stdout! })) {
    url = / at (http:\S+)$/.exec(line)?.[1] ?? "";
    if (url !== "") break;
  }
  child.stdout!.resume();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

beforeAll(async () => {
  world = await openWorld();
  server = await serve("0");
  bs = new BandSox(url);
});
afterAll(async () => {
  await end(server);
  await world[Symbol.asyncDispose]();
});

test("a real VM is made, used and read over the network, and a session survives the server's restart", async () => {
  const vm = await bs.createVm(`dir:${await busyboxRoot(world.dir)}`, {
    name: "far",
    memMib: 128,
    diskSizeMib: 256,
  });
  expect(await vm.exec("hostname; exit 4")).toMatchObject({ stdout: "far\n", exitCode: 4 });
  await vm.files.write("/tmp/a", "kept");
  expect(await vm.files.readText("/tmp/a")).toBe("kept");
  const session = await vm.sessions.start(
    "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 0.2; done",
  );
  const { port } = new URL(url);
  let text = "";
  let isRestarted = false;
  for await (const event of session.attach()) {
    if (event.type === "stdout") text += Buffer.from(event.data).toString();
    if (isRestarted || !text.includes("line 5\n")) continue;
    isRestarted = true;
    await end(server);
    server = await serve(port);
  }
  expect(text).toBe(Array.from({ length: 40 }, (_, index) => `line ${index + 1}\n`).join(""));
  await savedAndTaken();
  await reached(vm);
  await firstClients(vm.id);
  await hostileTree(vm.id);
  await vm.stop();
  const disk = await fetch(`${url}/api/vms/far/read-file?path=/tmp/a`);
  expect(await disk.json()).toEqual({ path: "/tmp/a", content: "kept" });
  await vm.delete();
});

/** A snapshot goes to a file of this machine and comes back by the server, and a VM goes on from it. */
async function savedAndTaken(): Promise<void> {
  const far = await bs.getVm("far");
  await far.exec("echo once > /tmp/once");
  await far.snapshot({ name: "base" });
  const file = join(world.dir, "base.bsx");
  await bs.snapshots.export("base", file);
  expect(await bs.snapshots.import(file, { name: "again" })).toMatchObject({ name: "again", vmName: "far" });
  const clone = await bs.snapshots.restore("again");
  expect((await clone.exec("cat /tmp/once")).stdout).toBe("once\n");
  await clone.delete();
  await bs.snapshots.delete("again");
}

/** What listens in the guest is reached by a port of this machine. */
async function reached(vm: Awaited<ReturnType<typeof bs.getVm>>): Promise<void> {
  await vm.files.write("/www/index.html", "hello from the guest\n", { parents: true });
  const web = await vm.sessions.start(["httpd", "-f", "-p", "8080", "-h", "/www"]);
  await using port = await vm.forwardPort({ guest: 8080 });
  const page = () =>
    fetch(`http://127.0.0.1:${port.port}/index.html`)
      .then((answer) => answer.text())
      .catch(() => "not yet");
  await expect.poll(page, { timeout: 60_000 }).toBe("hello from the guest\n");
  await web.delete();
}

/** The requests of the first BandSox's clients that did not work there: its terminal, and a restore without a name. */
async function firstClients(id: string): Promise<void> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/vms/${id}/terminal?cols=80&rows=24`, [
    "bandsox.terminal",
  ]);
  await once(socket, "open");
  const send = (text: string) =>
    socket.send(JSON.stringify({ type: "input", data: Buffer.from(text).toString("base64") }));
  send("echo sum $((40+2))\n");
  let seen = "";
  for await (const [{ data }] of on(socket, "message")) {
    seen += Buffer.from(String(data), "base64").toString();
    if (seen.includes("sum 42")) break;
  }
  const closed = once(socket, "close");
  send("exit\n");
  expect((await closed)[0].code).toBe(1000);
  const restored = await fetch(`${url}/api/snapshots/base/restore`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify({ name: null }),
  });
  const { id: made, status } = (await restored.json()) as { id: string; status: string };
  expect(status).toBe("restored");
  await (await bs.getVm(made)).delete();
}

/** Trees whose entries would leave their destination are refused by the guest itself, and leave nothing. */
async function hostileTree(id: string): Promise<void> {
  for (const tar of [
    tarOf({ name: "../escaped", type: "0" }),
    tarOf({ name: "/escaped", type: "0" }),
    tarOf({ name: "link", type: "2", target: "/" }, { name: "link/escaped", type: "0" }),
  ]) {
    const answer = await fetch(`${url}/api/vms/${id}/tree?path=/inside`, {
      ...{ method: "PUT", headers: { "content-type": "application/x-tar" }, body: tar },
    });
    await answer.body?.cancel();
    const { files } = await bs.getVm(id);
    expect((await files.list("/")).map(({ name }) => name)).not.toContain("escaped");
  }
}

interface TarEntry {
  readonly name: string;
  /** `0` is a file, `2` a symbolic link */
  readonly type: "0" | "2";
  readonly target?: string;
}

/** A tar of empty files and links, whatever their names. */
function tarOf(...entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  const blocks = entries.map(({ name, type, target = "" }) => {
    const block = new Uint8Array(512);
    const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
    put(name, 0);
    put("0000644\0", 100);
    put("0000000\0", 108);
    put("0000000\0", 116);
    put("00000000000\0", 124);
    put("00000000000\0", 136);
    put("        ", 148);
    put(type, 156);
    put(target, 157);
    put("ustar\0" + "00", 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return block;
  });
  const all = new Uint8Array(512 * (entries.length + 2));
  for (const [index, block] of blocks.entries()) all.set(block, index * 512);
  return all;
}
