import { afterAll, beforeAll, expect, test } from "vitest";
import { startAgent } from "./support/mcp-agent.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const IMAGE = "box:1";

let world: World;

beforeAll(async () => {
  world = await openWorld();
  const root = await busyboxRoot(world.dir);
  expect(await world.cli("image", "import", "-q", `dir:${root}`, IMAGE)).toMatchObject({ code: 0 });
});
afterAll(() => world[Symbol.asyncDispose]());

const agent = (...options: string[]) => startAgent(world, ...options);

const small = { image: IMAGE, memMib: 128, diskSizeMib: 256 };
const names = async () => (await world.bandsox.listVms()).map(({ name }) => name).sort();

test("an agent makes a VM, works in it, saves it, forks it, and leaves nothing behind", async () => {
  {
    await using a = await agent("--image", "box:*");
    const { tools } = await a.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["create_vm", "exec", "fork_vm"]));
    const { told: made } = await a.call("create_vm", { ...small, name: "theirs" });
    const vm = made.vm.id as string;
    expect((await a.call("exec", { vm, command: "echo $((6 * 7)); exit 3" })).told).toMatchObject({
      ...{ stdout: "42\n", exitCode: 3 },
    });
    await a.call("write_file", { vm, path: "/note", content: "kept" });
    expect((await a.call("read_file", { vm, path: "/note" })).told).toMatchObject({ content: "kept" });
    const { told: listed } = await a.call("list_files", { vm, path: "/" });
    expect(listed.files.map(({ path }: { path: string }) => path)).toContain("/note");
    expect((await a.call("run_python", { vm, code: "1" })).refused).toContain("python3");
    const { told: saved } = await a.call("snapshot_vm", { vm, name: "theirs-saved" });
    await a.call("exec", { vm, command: "echo changed > /note" });
    const { told: forked } = await a.call("fork_vm", { vm, count: 1 });
    const { told: restored } = await a.call("restore_snapshot", { snapshot: saved.snapshot.id });
    const note = async (id: string) => (await a.call("exec", { vm: id, command: "cat /note" })).told.stdout;
    expect([await note(forked.vms[0]), await note(restored.vm.id)]).toEqual(["changed\n", "kept"]);
    expect((await a.call("delete_vm", { vm: restored.vm.id })).told).toEqual({ deleted: restored.vm.id });
    expect((await a.call("list_vms")).told.vms).toHaveLength(2);
    expect((await a.call("set_network_policy", { vm, preset: "open" })).refused).toContain("may not change");
    expect((await a.call("create_vm", { ...small, image: "other:1" })).refused).toContain("box:*");
  }
  await expect.poll(names, { timeout: 60_000 }).toEqual([]);
});

test("an agent sees of its user's VMs what it may", async () => {
  const mine = await world.bandsox.createVm(IMAGE, { name: "mine", memMib: 128, diskSizeMib: 256 });
  await world.bandsox.createVm(IMAGE, { name: "secret", memMib: 128, diskSizeMib: 256 });
  await mine.files.writeText("/note", "for agents");
  await using a = await agent("--vm", "mine", "--read-only");
  const { told } = await a.call("list_vms");
  expect(told.vms.map(({ name }: { name: string }) => name)).toEqual(["mine"]);
  expect((await a.call("read_file", { vm: "mine", path: "/note" })).told).toMatchObject({
    content: "for agents",
  });
  expect((await a.call("read_file", { vm: "secret", path: "/etc" })).refused).toContain("not one of those");
  await expect(a.call("exec", { vm: "mine", command: "id" })).rejects.toThrow(/exec/);
  await a[Symbol.asyncDispose]();
  expect(await names()).toEqual(["mine", "secret"]);
});
