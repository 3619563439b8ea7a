import { expect, test } from "vitest";
import { engineSettings } from "./engine-settings.ts";

test("the environment says what options do not", () => {
  const env = {
    ...{ BANDSOX_ENGINE: "firecracker", BANDSOX_ACCEL: "kvm", BANDSOX_FIRECRACKER: "/opt/firecracker" },
    ...{ BANDSOX_DISK_BANDWIDTH_MBPS: "50", BANDSOX_DISK_IOPS: "0", BANDSOX_SERIAL: "off" },
    ...{ BANDSOX_TRANSPORT: "vsock", BANDSOX_PATIENCE: "2.5" },
  };
  expect(engineSettings({}, env)).toEqual({
    ...{ engine: "firecracker", acceleration: "kvm", firecracker: "/opt/firecracker", serial: false },
    ...{ transport: "vsock", patience: 2.5, diskLimits: { bandwidthMbps: 50, iops: 0 } },
  });
  expect(engineSettings({ engine: "qemu", diskLimits: { iops: 7 } }, env)).toMatchObject({
    engine: "qemu",
    diskLimits: { bandwidthMbps: 50, iops: 7 },
  });
});

test.for([
  ["BANDSOX_ACCEL", "fast"],
  ["BANDSOX_TRANSPORT", "pigeon"],
  ["BANDSOX_DISK_IOPS", "-1"],
  ["BANDSOX_DISK_BANDWIDTH_MBPS", "lots"],
  ["BANDSOX_SERIAL", "1"],
  ["BANDSOX_PATIENCE", "0"],
] as const)("%s=%s is refused by name", ([name, value]) => {
  expect(() => engineSettings({}, { [name]: value })).toThrow(name);
});

test("an empty variable says nothing", () => {
  expect(engineSettings({}, { BANDSOX_ENGINE: "", BANDSOX_ACCEL: "" })).toMatchObject({
    engine: undefined,
    acceleration: undefined,
  });
});
