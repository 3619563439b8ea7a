import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { VmId } from "@bandsox/contract";
import {
  type BootRequest,
  collect,
  type Engine,
  GuestClient,
  type MachineSpec,
  makeMemoryFile,
  type SavedMachine,
  storagePaths,
  vmPaths,
} from "@bandsox/core/ports";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

/** What an engine needs to be put to the test. */
export interface EngineUnderTest extends AsyncDisposable {
  readonly engine: Engine;
  /** Prepares the disks of one VM in its directory */
  machine(dir: string): Promise<Omit<BootRequest["machine"], "memoryFile">>;
}

const vmId = VmId.parse("vm_000000000000");

/** What every engine does, fake or real; each test boots a machine of its own. */
export function engineContract(open: () => Promise<EngineUnderTest>): void {
  let subject: EngineUnderTest;
  beforeAll(async () => {
    subject = await open();
  });
  afterAll(() => subject[Symbol.asyncDispose]());

  test("a booted guest answers, takes its machine and runs commands", async () => {
    await using vm = await boot(subject);
    expect(subject.engine.find(vm.paths)).toEqual(vm.booted.supervisor);
    expect(subject.engine.findTransport(vm.paths)).toMatch(/^(vsock|virtio-serial|serial)$/);
    expect(await vm.guest.hello()).toMatchObject({ protocol: 1, machine: "bare" });
    await vm.configure();
    expect(await collect(vm.guest.exec({ argv: ["echo", "hi"] }))).toMatchObject({
      stdout: "hi\n",
      exitCode: 0,
    });
  });

  test("a guest that powers off ends its VMM with 0, unrequested", async () => {
    await using vm = await boot(subject);
    await vm.configure();
    expect(await subject.engine.waitForExit(vm.paths, 20)).toBe(false);
    await vm.guest.powerOff(100);
    expect(await subject.engine.waitForExit(vm.paths, 60_000)).toBe(true);
    expect(subject.engine.find(vm.paths)).toBeUndefined();
    expect(subject.engine.findExit(vm.paths)).toMatchObject({ exitCode: 0, requested: false });
  });

  test("terminating ends everything at once, and twice is once", async () => {
    await using vm = await boot(subject);
    await subject.engine.terminate(vm.paths);
    await subject.engine.terminate(vm.paths);
    expect(subject.engine.find(vm.paths)).toBeUndefined();
    expect(subject.engine.findExit(vm.paths)).toMatchObject({ requested: true });
    await expect(vm.guest.hello()).rejects.toMatchObject({ code: "guest_unreachable" });
  });

  test("machines go on from a saved one, each on its own disks, and so does the saved one", async () => {
    await using saved = await temporaryDirectory();
    await using vm = await boot(subject);
    const into = { memory: join(saved.path, "memory"), state: join(saved.path, "state") };
    const { pausedMs } = await subject.engine.save(vm.paths, into);
    expect(pausedMs).toBeGreaterThan(0);
    await using first = await boot(subject, { from: into });
    await using second = await boot(subject, { from: into });
    for (const clone of [first, second, vm]) {
      expect(await clone.guest.hello()).toMatchObject({ machine: "bare" });
      await clone.configure();
      expect(await collect(clone.guest.exec({ argv: ["echo", "on"] }))).toMatchObject({ stdout: "on\n" });
    }
  });

  test("a machine's layer is made a copy of another, which stays as it is", async () => {
    await using other = await temporaryDirectory();
    const layerFrom = join(other.path, "saved.ext4");
    await using first = await boot(subject);
    await subject.engine.save(first.paths, {
      ...{ memory: join(other.path, "memory"), state: join(other.path, "state"), layerDisk: layerFrom },
    });
    const before = await readFile(layerFrom);
    await using vm = await boot(subject, { layerFrom });
    await vm.configure();
    expect(await collect(vm.guest.exec({ argv: ["echo", "hi"] }))).toMatchObject({ stdout: "hi\n" });
    expect((await stat(vm.paths.layerDisk)).size).toBe(before.length);
    expect((await readFile(layerFrom)).equals(before)).toBe(true);
    const gone = { layerFrom: join(other.path, "gone") };
    await expect(boot(subject, gone)).rejects.toThrow(/gone/);
  });

  test("what cannot be saved is refused, and the machine goes on", async () => {
    await using vm = await boot(subject);
    const into = { memory: "/nowhere/memory", state: "/nowhere/state" };
    await expect(subject.engine.save(vm.paths, into)).rejects.toMatchObject({ code: "vm_control_failed" });
    expect(await vm.guest.hello()).toMatchObject({ machine: "bare" });
  });

  test("a paused machine answers when it is resumed, and both twice are once", async () => {
    await using vm = await boot(subject);
    await subject.engine.pause(vm.paths);
    await subject.engine.pause(vm.paths);
    const answer = vm.guest.hello();
    await subject.engine.resume(vm.paths);
    await subject.engine.resume(vm.paths);
    expect(await answer).toMatchObject({ machine: "bare" });
  });

  test("equal machines have equal shapes, others have others", async () => {
    await using vm = await boot(subject);
    const { engine } = subject;
    expect(engine.shape({ ...vm.machine, memoryFile: "elsewhere" })).toBe(engine.shape(vm.machine));
    expect(engine.shape({ ...vm.machine, vcpu: 2 })).not.toBe(engine.shape(vm.machine));
    expect(engine.shape({ ...vm.machine, memMib: 512 })).not.toBe(engine.shape(vm.machine));
  });

  test("a machine with a network device is another shape, and goes on from a save of its like", async (context) => {
    const { engine } = subject;
    if (!engine.capabilities.networking.includes("tap")) return context.skip("the engine has no TAP devices");
    if (process.getuid?.() !== 0) return context.skip("TAP devices need root");
    const nic = { mac: "06:00:c6:12:00:02", backend: { kind: "tap", tap: "tap0" } } as const;
    await using saved = await temporaryDirectory();
    await using vm = await boot(subject, { nic });
    expect(engine.shape(vm.machine)).not.toBe(engine.shape({ ...vm.machine, nic: undefined }));
    const elsewhere = { ...nic, backend: { ...nic.backend, tap: "tap1", netns: "/elsewhere" } };
    expect(engine.shape({ ...vm.machine, nic: elsewhere })).toBe(engine.shape(vm.machine));
    const into = { memory: join(saved.path, "memory"), state: join(saved.path, "state") };
    await engine.save(vm.paths, into);
    await using clone = await boot(subject, { from: into, nic });
    await clone.configure();
    const look = clone.guest.exec({ argv: ["echo", "on"] });
    expect(await collect(look)).toMatchObject({ stdout: "on\n" });
  });

  test("a boot that is interrupted leaves nothing running", async () => {
    await using directory = await temporaryDirectory();
    const request = { ...(await prepare(subject, directory.path)), signal: AbortSignal.abort() };
    await expect(subject.engine.boot(request)).rejects.toMatchObject({ code: "interrupted" });
    expect(subject.engine.find(request.paths)).toBeUndefined();
  });
}

async function prepare({ machine }: EngineUnderTest, storage: string) {
  const paths = vmPaths(storagePaths(storage), vmId);
  await mkdir(paths.dir, { recursive: true });
  const spec = await machine(paths.dir);
  await makeMemoryFile(paths.memory, spec.memMib);
  return { vmId, paths, machine: { ...spec, memoryFile: paths.memory } };
}

interface BootParts {
  readonly from?: SavedMachine;
  readonly nic?: MachineSpec["nic"];
  readonly layerFrom?: string;
}

async function boot(subject: EngineUnderTest, { from, nic, layerFrom }: BootParts = {}) {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const prepared = await prepare(subject, path);
  const machine = { ...prepared.machine, nic, ...(from ? { memoryFile: from.memory } : {}) };
  const request = { ...prepared, machine, from, layerFrom };
  if (layerFrom !== undefined) await rm(request.paths.layerDisk, { force: true });
  stack.defer(() => subject.engine.terminate(request.paths));
  const booted = await subject.engine.boot(request);
  const guest = stack.use(new GuestClient({ vmId, socketPath: join(request.paths.dir, "agent.sock") }));
  const configure = () =>
    guest.configureMachine({
      ...{ hostname: "contract", env: {}, workingDir: "/", user: "" },
      ...{ baseDevice: booted.devices.base, layerDevice: booted.devices.layer },
      ...{ epochMs: Date.now(), entropy: Buffer.alloc(32, 7).toString("base64") },
    });
  const held = stack.move();
  const dispose = () => held.disposeAsync();
  return { ...request, booted, guest, configure, [Symbol.asyncDispose]: dispose };
}
