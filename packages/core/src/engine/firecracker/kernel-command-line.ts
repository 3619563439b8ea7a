/** How guests of Firecracker are reached: `serial` also in a kernel without vsock, slowly. */
export type FirecrackerTransport = "vsock" | "serial";

export interface KernelCommandLineOptions {
  readonly transport: FirecrackerTransport;
  /** Whether the guest has a serial line: its console, and the channel's way round a dead vsock */
  readonly serial: boolean;
}

/**
 * The guest kernel's command line. Its console is quiet, because each byte of it costs an exit; what is left of the keyboard
 * controller is what a reboot, the only way a guest ends its machine, goes through.
 */
export function kernelCommandLine({ transport, serial }: KernelCommandLineOptions): string {
  const line = serial ? ["console=ttyS0", "8250.nr_uarts=1"] : ["8250.nr_uarts=0"];
  const agent = [`bandsox.channel=${transport}`, "bandsox.off=reboot"];
  if (serial && transport === "vsock") agent.push("bandsox.fallback=serial");
  return [
    ...line,
    ...["quiet", "loglevel=4", "panic=-1", "reboot=k"],
    ...["pci=off", "i8042.noaux", "i8042.nomux", "i8042.dumbkbd"],
    ...["swiotlb=noforce", "cryptomgr.notests", "random.trust_cpu=on"],
    ...agent,
  ].join(" ");
}
