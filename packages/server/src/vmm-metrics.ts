import type { VmmStats } from "@bandsox/contract";
import type { BandSox } from "bandsox";
import { Counter, type Registry } from "prom-client";

type Reading = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

interface CounterOf {
  readonly name: string;
  readonly help: string;
  /** Beside the VM */
  readonly labels: readonly string[];
  readonly readings: (stats: VmmStats) => readonly Reading[];
}

const COUNTERS: readonly CounterOf[] = [
  {
    ...{ name: "disk_bytes", help: "Bytes of VMs' own disks", labels: ["direction"] },
    readings: ({ disk }) => ways("direction", { read: disk.readBytes, written: disk.writtenBytes }),
  },
  {
    ...{ name: "disk_operations", help: "Operations on VMs' own disks", labels: ["kind"] },
    readings: ({ disk }) => ways("kind", { read: disk.reads, write: disk.writes, flush: disk.flushes }),
  },
  {
    ...{ name: "disk_throttled", help: "How often a limit held a VM's disk up", labels: [] },
    readings: ({ disk }) => [{ labels: {}, value: disk.throttled }],
  },
  {
    ...{ name: "network_bytes", help: "Bytes guests received and sent", labels: ["direction"] },
    readings: ({ network }) =>
      network ? ways("direction", { received: network.rxBytes, sent: network.txBytes }) : [],
  },
  {
    ...{ name: "network_packets", help: "Packets guests received and sent", labels: ["direction"] },
    readings: ({ network }) =>
      network ? ways("direction", { received: network.rxPackets, sent: network.txPackets }) : [],
  },
  {
    ...{ name: "vsock_bytes", help: "Bytes between guests' agents and the host", labels: ["direction"] },
    readings: ({ vsock }) =>
      vsock ? ways("direction", { received: vsock.rxBytes, sent: vsock.txBytes }) : [],
  },
];

/** What the VMMs of VMs that run have counted, each by its VM's id and name; those of VMs that are gone are told no more. */
export function vmmCounters(registry: Registry, bandsox: Pick<BandSox, "measureVms">): void {
  for (const { name, help, labels, readings } of COUNTERS)
    new Counter({
      name: `bandsox_vmm_${name}_total`,
      help: `${help}, as the VMM told last`,
      ...{ labelNames: ["vm", "name", ...labels], registers: [registry] },
      async collect() {
        this.reset();
        for (const vm of await bandsox.measureVms())
          for (const { labels: found, value } of readings(vm.stats))
            this.inc({ vm: vm.id, name: vm.name, ...found }, value);
      },
    });
}

function ways(label: string, values: Readonly<Record<string, number>>): Reading[] {
  return Object.entries(values).map(([way, value]) => ({ labels: { [label]: way }, value }));
}
