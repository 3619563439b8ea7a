import { BandSoxError, VmId } from "@bandsox/contract";
import {
  FAKE_OOM_KILL,
  FAKE_PROCESS,
  FAKE_STATS,
  FAKE_VMM_STATS,
  guestAt,
  runningVm,
  startHostileAgent,
  temporaryDirectory,
} from "@bandsox/testkit";
import { expect, test } from "vitest";
import { guestKernelLog, guestProcesses, guestStats } from "./vm-health.ts";

async function answering(body: string) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  stack.use(
    await startHostileAgent(`${path}/agent.sock`, (socket) => {
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    }),
  );
  const vmId = VmId.parse("vm_000000000000");
  const guest = guestAt({ vmId, socketPath: `${path}/agent.sock` });
  return { guest, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a VM tells how it is doing", async () => {
  await using w = await runningVm();
  const vmm = { ...FAKE_VMM_STATS, reclaimed: { targetMib: 0, actualMib: 0 } };
  expect(await w.vm.stats()).toEqual({ ...FAKE_STATS, vmm });
  expect(await w.vm.processes({ limit: 5 })).toEqual([FAKE_PROCESS]);
  expect(await w.vm.oomKills()).toEqual([FAKE_OOM_KILL]);
  expect(await w.vm.ping()).toBeGreaterThan(0);
  expect(await w.vm.kernelLog({ bytes: 6 })).toBe(" fake\n");
});

test.for([
  ["no JSON", "{"],
  ["a part of it", JSON.stringify({ ...FAKE_STATS, memory: undefined })],
  ["numbers that are none", JSON.stringify({ ...FAKE_STATS, uptimeMs: "1" })],
  ["a body beyond every bound", `"${"x".repeat(5_000_000)}"`],
] as const)("stats that are %s are not believed", async ([, body]) => {
  await using g = await answering(body);
  await expect(guestStats(g.guest)).rejects.toMatchObject({ code: "guest_protocol" });
});

test("more processes than asked for are not told, and a log longer than asked for is refused", async () => {
  await using many = await answering(JSON.stringify({ processes: Array(30).fill(FAKE_PROCESS) }));
  expect(await guestProcesses(many.guest, { limit: 3 })).toHaveLength(3);
  await using long = await answering("x".repeat(200));
  await expect(guestKernelLog(long.guest, { bytes: 100 })).rejects.toMatchObject({ code: "guest_protocol" });
});

test("a kernel log cannot drive the reader's terminal", async () => {
  await using g = await answering("one\r\n\u001b[2Jtwo\n");
  expect(await guestKernelLog(g.guest)).toBe("one\n [2Jtwo\n");
});

test("a guest cannot say what its VMM has counted", async () => {
  await using g = await answering(JSON.stringify({ ...FAKE_STATS, vmm: FAKE_VMM_STATS }));
  expect(await guestStats(g.guest)).not.toHaveProperty("vmm");
});

test("a VMM that is busy or counts nothing costs the VM's stats nothing but that", async () => {
  await using w = await runningVm();
  w.engine.measure = async () => {
    throw new BandSoxError("vm_control_failed", "busy", { action: "measure", path: "/" });
  };
  expect(await w.vm.stats()).toEqual(FAKE_STATS);
  w.engine.measure = async () => undefined;
  expect(await w.vm.stats()).toEqual(FAKE_STATS);
});

test("memory is taken back and given back, within what the guest can do without", async () => {
  await using w = await runningVm();
  await w.vm.reclaimMemory(32);
  expect((await w.vm.stats()).vmm).toMatchObject({ reclaimed: { targetMib: 32 } });
  await w.vm.reclaimMemory(0);
  expect((await w.vm.stats()).vmm).toMatchObject({ reclaimed: { targetMib: 0 } });
  const { memMib } = await w.vm.info();
  for (const wrong of [-1, 0.5, memMib - 63, Number.NaN])
    await expect(w.vm.reclaimMemory(wrong)).rejects.toMatchObject({ code: "invalid_argument" });
  await w.vm.stop();
  await expect(w.vm.reclaimMemory(1)).rejects.toMatchObject({
    code: "vm_wrong_state",
    details: { wanted: ["running", "paused"] },
  });
});

test("an engine that takes no memory back says so", async () => {
  await using w = await runningVm();
  Object.assign(w.engine, { capabilities: { ...w.engine.capabilities, reclaim: false } });
  await expect(w.vm.reclaimMemory(1)).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("the qemu engine does not"),
  });
});
