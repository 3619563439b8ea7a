import { expect, test } from "vitest";
import { listCpio } from "./cpio-listing.ts";
import { buildInitramfs } from "./initramfs.ts";

function contentOf(archive: Uint8Array, path: string): string | undefined {
  const entry = listCpio(archive).find((listed) => listed.path === path);
  return entry && Buffer.from(entry.content).toString();
}

test("holds the agent as /init, the modules and their load order", () => {
  const modules = ["virtio_ring.ko", "virtio.ko"].map((file) => ({ file, content: Buffer.from(file) }));
  const archive = buildInitramfs({ agent: Buffer.from("agent"), modules });
  expect(contentOf(archive, "init")).toBe("agent");
  expect(contentOf(archive, "modules/order")).toBe("virtio_ring.ko\nvirtio.ko\n");
  expect(contentOf(archive, "modules/virtio.ko")).toBe("virtio.ko");
  expect(listCpio(archive).map((entry) => entry.path)).toEqual(
    expect.arrayContaining(["proc", "sys", "dev", "dev/console", "newroot", "mnt"]),
  );
});

test("writes an empty order for a kernel with everything built in", () => {
  expect(contentOf(buildInitramfs({ agent: Buffer.from("agent"), modules: [] }), "modules/order")).toBe("");
});
