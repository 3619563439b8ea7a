import { expect, test } from "vitest";
import { addressOf, REQUESTS } from "./api/requests.ts";
import { featuresOf, parseFirecrackerVersion } from "./capabilities.ts";
import { bootRequests, type LoadOptions, loadRequests, type MachineConfigOptions } from "./machine-config.ts";

const features = (version: string) =>
  featuresOf(parseFirecrackerVersion(version) ?? { major: 0, minor: 0, patch: 0 });
const limits = { bandwidthMbps: 200, iops: 5000 };

const BOOT: MachineConfigOptions = {
  ...{ machine: { vcpu: 2, memMib: 512 }, kernel: { vmlinux: "/k/vmlinux", initramfs: "/k/initramfs" } },
  ...{ vsockPath: "vsock.sock", transport: "vsock", serial: true, limits, features: features("1.16.1") },
};
const LOAD: LoadOptions = {
  ...{ from: { memory: "/g/memory", state: "/g/state" }, track: true, limits, vsockPath: "vsock.sock" },
  ...{ transport: "vsock", features: features("1.16.1") },
};

test("a machine is made by these requests, in this order", async () => {
  await expect(text(bootRequests(BOOT))).toMatchFileSnapshot("golden/boot.json");
});

test("with a network, without a serial line, and without limits, it is made by these", async () => {
  const requests = bootRequests({
    ...{ ...BOOT, serial: false, limits: { bandwidthMbps: 0, iops: 0 } },
    tap: { name: "tap0", guestMac: "06:00:ac:10:00:02", mtu: 1400 },
  });
  await expect(text(requests)).toMatchFileSnapshot("golden/boot-with-network.json");
});

test.for(["1.7.0", "1.12.0", "1.13.1", "1.16.1"])(
  "Firecracker %s goes on from a saved machine by two requests that it knows",
  async (version) => {
    const requests = loadRequests({
      ...LOAD,
      features: features(version),
      tap: { name: "tap7", guestMac: "06:00:ac:10:00:02" },
    });
    expect(requests).toHaveLength(2);
    await expect(text(requests)).toMatchFileSnapshot(`golden/load-${version}.json`);
  },
);

test("an older version is not asked to tell the guest an MTU", () => {
  const requests = bootRequests({
    ...BOOT,
    features: features("1.15.0"),
    tap: { name: "tap0", guestMac: "06:00:ac:10:00:02", mtu: 1400 },
  });
  expect(text(requests)).not.toContain("mtu");
});

test("every request is one the API's description allows", () => {
  const tap = { name: "tap0", guestMac: "06:00:ac:10:00:02", mtu: 1400 };
  for (const { request, body } of [...bootRequests({ ...BOOT, tap }), ...loadRequests({ ...LOAD, tap })])
    expect(REQUESTS[request].safeParse(body)).toMatchObject({ success: true });
});

test("a path names the device of its body", () => {
  for (const request of bootRequests({ ...BOOT, tap: { name: "tap0", guestMac: "06:00:ac:10:00:02" } }))
    if (request.id !== undefined) expect(addressOf(request).path).toMatch(new RegExp(`/${request.id}$`));
});

function text(requests: readonly unknown[]): string {
  return `${JSON.stringify(requests, null, 2)}\n`;
}
