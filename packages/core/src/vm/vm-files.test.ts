import { VmSpec } from "@bandsox/contract";
import { fakeEngine, fakeFiles, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { createVm } from "./create-vm.ts";
import { stopVm } from "./stop-vm.ts";
import { Vm } from "./vm.ts";

/** A running VM whose files are a directory of the test's. */
async function world() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const root = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine({ files: fakeFiles(root.path).handler }));
  const ports = stack.use(await fakePorts(path, engine));
  const { id } = await createVm(ports, VmSpec.parse({ image: "alpine" }));
  const opened = stack.move();
  return { vm: new Vm(ports, id), ports, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

test("a VM's files are read and written while it runs, and not when it is stopped", async () => {
  await using w = await world();
  await w.vm.files.writeText("/f", "text");
  expect(await w.vm.files.readText("/f")).toBe("text");
  await stopVm(w.ports, w.vm.id);
  await expect(w.vm.files.readText("/f")).rejects.toMatchObject({
    code: "vm_wrong_state",
    message: expect.stringContaining("cannot talk to"),
  });
});

test("closing the storage interrupts what works with files, and refuses more", async () => {
  await using w = await world();
  const watch = await w.vm.files.watch("/");
  const next = watch[Symbol.asyncIterator]().next();
  next.catch(() => {});
  await w.ports.operations[Symbol.asyncDispose]();
  await expect(next).rejects.toMatchObject({ code: expect.stringMatching(/interrupted|storage_closed/) });
  await expect(w.vm.files.exists("/")).rejects.toMatchObject({ code: "storage_closed" });
});
