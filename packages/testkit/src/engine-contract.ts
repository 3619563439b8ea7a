import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { VmId } from "@bandsox/contract";
import {
  type BootRequest,
  collect,
  type Engine,
  GuestClient,
  storagePaths,
  vmPaths,
} from "@bandsox/core/ports";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

/** What an engine needs to be put to the test. */
export interface EngineUnderTest extends AsyncDisposable {
  readonly engine: Engine;
  /** Prepares the disks of one VM in its directory */
  machine(dir: string): Promise<BootRequest["machine"]>;
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
  return { vmId, paths, machine: await machine(paths.dir) };
}

async function boot(subject: EngineUnderTest) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const request = await prepare(subject, path);
  stack.defer(() => subject.engine.terminate(request.paths));
  const booted = await subject.engine.boot(request);
  const guest = stack.use(new GuestClient({ vmId, socketPath: join(request.paths.dir, "agent.sock") }));
  const configure = () =>
    guest.configureMachine({
      ...{ hostname: "contract", env: {}, workingDir: "/", user: "" },
      ...{ baseDevice: booted.devices.base, layerDevice: booted.devices.layer },
      ...{ epochMs: Date.now(), entropy: Buffer.alloc(32, 7).toString("base64") },
    });
  const dispose = () => stack.disposeAsync();
  return { ...request, booted, guest, configure, [Symbol.asyncDispose]: dispose };
}
