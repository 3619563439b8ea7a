import { BandSoxError } from "@bandsox/contract";
import { expect, test } from "vitest";
import { explainReclaim } from "./reclaim.ts";

const refused = (why: string) =>
  new BandSoxError(
    "vm_control_failed",
    `cannot reclaim the VM in /x: Firecracker refused PATCH /balloon: ${why}`,
    {
      action: "reclaim",
      path: "/x",
    },
  );

test("a guest without the driver is told from other failures", () => {
  const noDriver = refused("Balloon update error: Balloon: Device not activated yet.");
  expect(explainReclaim(noDriver)).toMatchObject({
    ...{ code: "vm_control_failed", message: expect.stringContaining("no virtio-balloon driver") },
    cause: noDriver,
  });
  for (const other of [refused("Amount of pages requested is too large."), new Error("x"), undefined])
    expect(explainReclaim(other)).toBe(other);
});
