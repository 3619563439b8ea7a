import { existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { BandSoxError, VmSpec } from "@bandsox/contract";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { createVm } from "./create-vm.ts";
import { pruneGoldens } from "./prune-goldens.ts";
import { startVm } from "./start-vm.ts";
import { stopVm } from "./stop-vm.ts";

const spec = (more: object = {}) => VmSpec.parse({ image: "alpine", ...more });
const LATER = Date.now() + 3_600_000;
const LONG_AGO = new Date(Date.now() - 3_600_000);

async function world() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine());
  const ports = stack.use(await fakePorts(path, engine));
  const froms: string[] = [];
  engine.beforeBoot = ({ from }) => void froms.push(from ? (from.state.split("/").at(-2) ?? "") : "kernel");
  const goldens = () => (existsSync(ports.paths.goldensDir) ? readdirSync(ports.paths.goldensDir) : []);
  const age = (key: string) => utimesSync(join(ports.paths.goldensDir, key), LONG_AGO, LONG_AGO);
  return { engine, ports, froms, goldens, age, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("VMs of one image and shape are created from one golden, which is taken once for all of them", async () => {
  await using w = await world();
  await Promise.all([createVm(w.ports, spec()), createVm(w.ports, spec())]);
  const [ofImage] = w.goldens().filter((key) => key !== "shape-1-256");
  // The kernel boots for the shape, the shape's machine mounts the image, and the VMs go on from there.
  expect(w.froms).toEqual(["kernel", "shape-1-256", ofImage, ofImage]);
  await createVm(w.ports, spec({ diskSizeMib: 64 }));
  expect(w.froms.slice(4)).toEqual(["shape-1-256", expect.not.stringMatching(ofImage ?? "")]);
  await createVm(w.ports, spec({ memMib: 512 }));
  expect(w.froms.slice(6)).toEqual(["kernel", "shape-1-512", expect.any(String)]);
  expect(readdirSync(w.ports.paths.stagingDir)).toEqual([]);
  expect(w.goldens()).toHaveLength(5);
});

test("a VM that starts again mounts its own disk: it goes on from the golden of its shape", async () => {
  await using w = await world();
  const { id } = await createVm(w.ports, spec());
  await stopVm(w.ports, id, { graceMs: 0 });
  w.froms.length = 0;
  await startVm(w.ports, id);
  expect(w.froms).toEqual(["shape-1-256"]);
});

test("a cold boot needs no golden and takes none", async () => {
  await using w = await world();
  await createVm(w.ports, spec({ boot: "cold" }));
  expect([w.froms, w.goldens()]).toEqual([["kernel"], []]);
});

test("a golden that does not start is replaced, and the VM comes up another way", async () => {
  await using w = await world();
  await createVm(w.ports, spec());
  w.froms.length = 0;
  const note = w.engine.beforeBoot;
  w.engine.beforeBoot = async (request) => {
    await note(request);
    if (w.froms.length > 1) return;
    throw new BandSoxError("vm_start_failed", "stale", { vmId: request.vmId, stage: "vmm", console: "" });
  };
  await createVm(w.ports, spec());
  expect(w.froms).toEqual([expect.any(String), "shape-1-256"]);
  expect(w.ports.warnings).toEqual([expect.stringContaining("stale")]);
  await createVm(w.ports, spec());
  expect(w.froms.slice(2)).toEqual(["shape-1-256", expect.any(String)]);
});

test.each(["layer", "supervisor"])(
  "a golden stays when a VM could not start from it for want of its %s",
  async (stage) => {
    await using w = await world();
    await createVm(w.ports, spec());
    const before = w.goldens();
    const note = w.engine.beforeBoot;
    w.engine.beforeBoot = (request) => {
      throw new BandSoxError("vm_start_failed", "not its fault", { vmId: request.vmId, stage, console: "" });
    };
    await expect(createVm(w.ports, spec())).rejects.toThrow("not its fault");
    w.engine.beforeBoot = note;
    expect(w.goldens()).toEqual(before);
    expect(w.ports.warnings).toEqual([]);
  },
);

test("a golden that cannot be taken leaves nothing behind", async () => {
  await using w = await world();
  w.engine.beforeBoot = () => Promise.reject(new Error("no"));
  await expect(createVm(w.ports, spec())).rejects.toThrow("no");
  expect(w.ports.ledger.list()).toEqual([]);
  expect(w.goldens()).toEqual([]);
});

test("goldens of what was replaced go when the next is taken, unless they were used just now", async () => {
  await using w = await world();
  await createVm(w.ports, spec());
  const before = w.goldens();
  w.engine.shape = ({ vcpu, memMib }) => `newer-${vcpu}-${memMib}`;
  for (const key of before) if (key !== "shape-1-256") w.age(key);
  await createVm(w.ports, spec());
  expect(w.goldens()).toContain("shape-1-256");
  expect(w.goldens().filter((key) => before.includes(key))).toEqual(["shape-1-256"]);
  w.age("shape-1-256");
  expect(await pruneGoldens(w.ports)).toEqual(["shape-1-256"]);
  expect(await pruneGoldens(w.ports, { now: LATER })).toEqual([]);
  expect(readdirSync(w.ports.paths.stagingDir)).toEqual([]);
});

test("of the goldens of images those used last are kept", async () => {
  await using w = await world();
  const ofImages = () => w.goldens().filter((key) => key !== "shape-1-256");
  await createVm(w.ports, spec({ diskSizeMib: 64 }));
  const [oldest = ""] = ofImages();
  await createVm(w.ports, spec({ diskSizeMib: 65 }));
  await createVm(w.ports, spec({ diskSizeMib: 66 }));
  w.age(oldest);
  expect(await pruneGoldens(w.ports, { now: LATER, kept: 2 })).toEqual([oldest]);
  expect(ofImages()).toHaveLength(2);
});
