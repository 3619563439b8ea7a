import { describe, expect, test } from "vitest";
import { GUEST_MODULES, moduleName, planModules } from "./kernel-modules.ts";

const dep = `kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_mmio.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/net/core/failover.ko:
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
`;
const builtin = "kernel/fs/ext4/ext4.ko\nkernel/crypto/crc32c_generic.ko\n";
const named = (...names: string[]) => names.map((name) => ({ name, required: true }));

describe("planModules", () => {
  test("puts every dependency before what needs it, each once", () => {
    const { files } = planModules(named("virtio_mmio", "virtio_net"), { dep, builtin });
    expect(files.map(moduleName)).toEqual([
      "virtio_ring",
      "virtio",
      "virtio_mmio",
      "failover",
      "net_failover",
      "virtio_net",
    ]);
  });

  test("finds a module whose file is spelt with dashes", () => {
    expect(planModules(named("virtio_rng"), { dep, builtin }).files.at(-1)).toMatch(/virtio-rng\.ko$/);
  });

  test("needs no file for what is built in", () => {
    expect(planModules(named("ext4"), { dep, builtin })).toEqual({ files: [], missing: [] });
  });

  test("names what the kernel does not have", () => {
    expect(planModules(named("overlay"), { dep, builtin }).missing).toEqual(named("overlay"));
  });

  test("ends when modules.dep names a circle", () => {
    const circle = "a.ko: b.ko\nb.ko: a.ko\n";
    expect(planModules(named("a"), { dep: circle, builtin: "" }).files).toEqual(["b.ko", "a.ko"]);
  });
});

test("GUEST_MODULES requires what a guest cannot start without", () => {
  const required = GUEST_MODULES.filter((module) => module.required).map((module) => module.name);
  expect(required).toEqual(["virtio_mmio", "virtio_blk", "virtio_console", "overlay", "ext4"]);
});
