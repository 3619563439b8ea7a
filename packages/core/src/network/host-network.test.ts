import { expect, test } from "vitest";
import { parseIpv6Default, parseRoutes } from "./host-network.ts";

test("the kernel's table of routes is read", () => {
  const table = [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    "bsx1\t020013C6\t00000000\t0001\t0\t0\t0\tFEFFFFFF\t0\t0\t0",
    "",
  ].join("\n");
  expect(parseRoutes(table)).toEqual([
    { device: "eth0", cidr: "0.0.0.0/0" },
    { device: "eth0", cidr: "192.0.2.0/24" },
    { device: "bsx1", cidr: "198.19.0.2/31" },
  ]);
});

test("a default route of loopback is none", () => {
  const zeros = "0".repeat(32);
  const line = (device: string) =>
    `${zeros} 00 ${zeros} 00 ${zeros} 00000400 00000001 00000000 00200200 ${device}`;
  expect(parseIpv6Default(`${line("lo")}\n`)).toBe(false);
  expect(parseIpv6Default(`${line("lo")}\n${line("eth0")}\n`)).toBe(true);
  expect(parseIpv6Default("")).toBe(false);
});
