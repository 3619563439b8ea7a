import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Vm } from "bandsox";
import { type Benchmark, type Figure, type Lab, latency, quantile, rate, repeated } from "../figure.ts";

const MEBIBYTE = 1024 * 1024;
/** After it, slots for the next VMs are ready, in ms */
const REFILLED_MS = 3_000;

/** B19: what a slot costs a creation, and what passes through it. */
export const networks: Benchmark = {
  id: "B19",
  title: "networks",
  async run(lab) {
    if (process.env.BANDSOX_TEST_NETNS !== readlinkSync("/proc/self/ns/net")) {
      process.stderr.write(
        "  left out, it changes networks: scripts/in-namespaces.sh npm run bench -- B19\n",
      );
      return [];
    }
    await using stack = new AsyncDisposableStack();
    const { vm, networkMs: coldMs } = await make(lab);
    stack.defer(() => vm.delete());
    const hot: number[] = [];
    for (let run = 0; run < (lab.quick ? 2 : 10); run++) {
      await setTimeout(REFILLED_MS);
      const next = await make(lab);
      hot.push(next.networkMs);
      await next.vm.delete();
    }
    const address = (await vm.info()).network?.address ?? "";
    return [
      { id: "B19", name: "a slot that is made", value: coldMs, unit: "ms" },
      { id: "B19", name: "a slot that is ready, p50", value: quantile(hot, 0.5), unit: "ms", samples: hot },
      await received(vm, address, (lab.quick ? 4 : 64) * MEBIBYTE),
      ...(await roundTrips(vm, address, lab.quick ? 10 : 200)),
    ];
  },
};

async function make({ bandsox, image }: Lab): Promise<{ vm: Vm; networkMs: number }> {
  let networkMs = Number.NaN;
  const onStage = (stage: string, ms: number) => {
    if (stage === "network") networkMs = ms;
  };
  const vm = await bandsox.createVm(image, { networking: true, onStage });
  return { vm, networkMs };
}

/** What the host reads from a server in the guest. */
async function received(vm: Vm, address: string, bytes: number): Promise<Figure> {
  const send = `dd if=/dev/zero bs=65536 count=${bytes / 65_536}`;
  await vm.sessions.start(["busybox", "nc", "-l", "-p", "9000", "-e", ...send.split(" ")]);
  const socket = await connected(address, 9000);
  const begun = performance.now();
  let arrived = 0;
  for await (const chunk of socket) arrived += chunk.length;
  if (arrived !== bytes) throw new Error(`${arrived} of ${bytes} bytes arrived`);
  const value = rate(bytes, performance.now() - begun);
  return { id: "B19", name: `${bytes / MEBIBYTE} MiB from the guest by TCP`, value, unit: "MiB/s" };
}

/** A page of the guest's, by its own address and through the agent. */
async function roundTrips(vm: Vm, address: string, count: number): Promise<Figure[]> {
  await vm.files.writeText("/index.html", "page\n");
  await vm.sessions.start(["busybox", "httpd", "-f", "-p", "80", "-h", "/"]);
  (await connected(address, 80)).destroy();
  const direct = await repeated(count, async () => (await fetch(`http://${address}/index.html`)).text());
  const through = await repeated(count, () => vm.sendHttpRequest({ port: 80, path: "/index.html" }));
  return [
    ...latency("B19", "HTTP by the guest's address", direct),
    ...latency("B19", "HTTP through the agent", through, quantile(direct, 0.5)),
  ];
}

/** A connection to a server that may still be starting. */
async function connected(address: string, port: number) {
  for (;;) {
    const socket = connect(port, address);
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    if (isOpen) return socket;
    await setTimeout(20);
  }
}
