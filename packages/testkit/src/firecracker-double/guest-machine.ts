import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import {
  control,
  findQemu,
  helperPaths,
  judgeKvm,
  kvmEvidence,
  type QemuAcceleration,
  qemuCommandLine,
  qemuKernelCommandLine,
  vmmPaths,
} from "@bandsox/core/engine-parts";
import type { MachineState } from "./snapshot-file.ts";

const MIB = 1024 ** 2;
/** In the VMM's working directory, so that it goes with it */
const DIR = "double";

/** Where a guest goes on from. */
export interface MachineSource {
  /** The guest's memory is a private mapping of it */
  readonly memory: string;
  /** QEMU's device state; a machine without one boots */
  readonly devices?: string;
}

/** The guest behind the double: a real one, in QEMU, which this process's death ends. */
export class GuestMachine {
  /** Resolves once the agent has answered */
  readonly ready: Promise<void>;
  /** Resolves with QEMU's exit code once it has ended */
  readonly ended: Promise<number>;
  readonly #paths = vmmPaths(resolve(DIR));
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<number>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    void this.#follow(() => ready.resolve(), ended.resolve);
  }

  /** The guest's agent, reached through the channel QEMU has. */
  get agentSocket(): string {
    return join(DIR, "agent.sock");
  }

  /** Makes the directory a machine's own files are in. */
  static async prepare(): Promise<{ readonly devices: string }> {
    await rm(DIR, { recursive: true, force: true });
    await mkdir(DIR);
    return { devices: resolve(DIR, "incoming") };
  }

  /** Starts or goes on; what the guest prints is on this process's standard output, its input comes from there too. */
  static async start(state: MachineState, binDir: string, source?: MachineSource): Promise<GuestMachine> {
    const paths = vmmPaths(resolve(DIR));
    const memory = source?.memory ?? paths.memory;
    if (!source) {
      await writeFile(memory, "");
      await truncate(memory, state.memMib * MIB);
    }
    await bridgeSerialLine();
    const { supervise } = helperPaths(binDir);
    await writeFile(paths.launchConfig, JSON.stringify(launchConfig(state, memory, source?.devices)));
    // In this process's own group, and so ended with it; QEMU ends with the helper.
    const child = spawn(supervise, [paths.launchConfig], { stdio: ["ignore", "pipe", "inherit"] });
    return new GuestMachine(child);
  }

  async #follow(onReady: () => void, onEnd: (code: number) => void): Promise<void> {
    if (!this.#child.stdout) return;
    for await (const line of createInterface({ input: this.#child.stdout })) {
      const event: { type: string; exitCode?: number | null; message?: string } = JSON.parse(line);
      if (event.type === "agent-ready") onReady();
      if (event.type === "failed") process.stderr.write(`${event.message}\n`);
      if (event.type === "exited") return onEnd(event.exitCode ?? 1);
    }
    onEnd(1);
  }

  async pause(): Promise<void> {
    await control(this.#paths, { action: "pause" });
  }

  async resume(): Promise<void> {
    await control(this.#paths, { action: "resume" });
  }

  /** Writes memory and device state of the paused guest into files of its own. */
  async save(): Promise<{ memory: string; devices: string }> {
    const [memory, devices] = [resolve(DIR, "saved.memory"), resolve(DIR, "saved.devices")];
    await rm(memory, { force: true });
    await rm(devices, { force: true });
    await control(this.#paths, { action: "save", memory, state: devices });
    return { memory, devices };
  }

  /** Keeps a saved memory as what later changes are told from. */
  async keepAsBase(memory: string): Promise<string> {
    const base = resolve(DIR, "base.memory");
    await rename(memory, base);
    return base;
  }
}

/** QEMU's serial line is this process's standard input and output. */
async function bridgeSerialLine(): Promise<void> {
  let line: Socket | undefined;
  const server = createServer((socket) => {
    line = socket;
    socket.pipe(process.stdout, { end: false });
    socket.on("error", () => {}); // QEMU has ended
  });
  process.stdin.on("data", (chunk) => void line?.write(chunk));
  const { promise, resolve: listening } = Promise.withResolvers<void>();
  server.listen(join(DIR, "serial.sock"), listening);
  await promise;
  server.unref();
}

function launchConfig(state: MachineState, memory: string, incoming: string | undefined) {
  const { binary, acceleration } = findQemu({ kvm: judgeKvm(kvmEvidence()) });
  const [base, layer] = state.drives;
  const [nic] = state.networkInterfaces;
  const machine = {
    ...{ vcpu: state.vcpu, memMib: state.memMib, memoryFile: resolve(memory) },
    ...{ vmlinuxPath: state.kernel, initramfsPath: state.initramfs },
    ...{ baseDisk: resolve(base?.path ?? ""), layerDisk: resolve(layer?.path ?? "") },
    // A device the guest can be told its addresses for; what it sends goes nowhere.
    nic: nic && { mac: nic.mac, backend: { kind: "user" as const } },
  };
  const argv = qemuCommandLine({
    ...{ binary, machine, acceleration, transport: "virtio-serial", channelSocket: "channel.sock" },
    incoming: incoming !== undefined,
  }).map((word, index, words) => {
    if (word === "stdio,id=console,signal=off") return "socket,id=console,path=serial.sock";
    return words[index - 1] === "-append" ? guestCommandLine(state.bootArgs, acceleration) : word;
  });
  return {
    ...{ vmId: "double", argv, transport: "virtio-serial", memoryFile: machine.memoryFile, incoming },
    ...{ controlSocket: "control.sock", channelSocket: "channel.sock" },
  };
}

/** Firecracker's guest on QEMU: its agent's words and its serial line as they are, the channel and the rest as QEMU's. */
function guestCommandLine(bootArgs: string, acceleration: QemuAcceleration): string {
  const kept = /^(console=|8250\.|bandsox\.)/;
  const own = qemuKernelCommandLine(acceleration, "virtio-serial")
    .split(" ")
    .filter((word) => !kept.test(word));
  const given = bootArgs
    .split(" ")
    .filter((word) => kept.test(word))
    .map((word) => (word === "bandsox.channel=vsock" ? "bandsox.channel=virtio-serial" : word));
  return [...own, ...given].join(" ");
}
