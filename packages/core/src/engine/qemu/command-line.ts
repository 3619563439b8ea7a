import { Transport } from "@bandsox/contract";
import type { z } from "zod";
import { INSIDE } from "../../network/address-plan.ts";
import type { MachineSpec, NicSpec } from "../engine.ts";

/** How QEMU runs guest code on this host. */
export type Acceleration = { readonly kind: "kvm" } | { readonly kind: "tcg"; readonly tscKhz: number };

/** `virtio-serial` needs a driver in the guest; `serial` works with any kernel and is slow. */
export const QemuTransport = Transport.exclude(["vsock"]);
export type QemuTransport = z.infer<typeof QemuTransport>;

export interface QemuCommandOptions {
  readonly binary: string;
  readonly machine: MachineSpec;
  readonly acceleration: Acceleration;
  readonly transport: QemuTransport;
  /** Name of the socket the supervisor listens on, relative to the VM's directory */
  readonly channelSocket: string;
  /** Goes on from a saved machine instead of booting */
  readonly incoming: boolean;
}

/** What the supervisor hands QEMU besides its standard files: its monitor, the state it goes on from, and its TAP device. */
const DESCRIPTORS = { monitor: 3, incoming: 4, tap: 5 } as const;

/** The device names the disks get in the guest: in the order of the command line. */
export const DEVICES = { base: "/dev/vda", layer: "/dev/vdb" } as const;

/**
 * The command line of one microVM. ACPI stays on: distribution kernels find virtio-mmio devices through it alone.
 * Under TCG the guest's clock comes from the host's real TSC frequency; a wrong one makes guest time run fast.
 */
export function qemuCommandLine(options: QemuCommandOptions): string[] {
  const { binary, machine, acceleration, transport } = options;
  return [
    binary,
    ...[
      "-M",
      "microvm,x-option-roms=off,rtc=on,isa-serial=on,auto-kernel-cmdline=off,acpi=on,memory-backend=memory,suppress-vmdesc=on",
    ],
    // A private mapping: the file is never written, and machines that go on from one save share its pages.
    "-object",
    `memory-backend-file,id=memory,size=${machine.memMib}M,mem-path=${escaped(machine.memoryFile)},share=off`,
    ...accelerationArguments(acceleration),
    ...["-m", `${machine.memMib}`, "-smp", `${machine.vcpu}`],
    ...["-nodefaults", "-no-user-config", "-nographic", "-no-reboot"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-chardev", `socket,id=monitor,fd=${DESCRIPTORS.monitor}`, "-mon", "chardev=monitor,mode=control"],
    // The state is written without the configuration section that a migration between hosts begins with.
    ...["-global", "migration.send-configuration=off"],
    ...(options.incoming ? ["-incoming", `fd:${DESCRIPTORS.incoming}`] : bootArguments(options)),
    ...["-chardev", "stdio,id=console,signal=off"],
    ...["-device", "virtio-rng-device"],
    ...["-chardev", `socket,id=channel,path=${options.channelSocket}`],
    ...SERIAL_DEVICES[transport],
    ...disk("base", machine.baseDisk, true),
    ...disk("layer", machine.layerDisk, false),
    ...(machine.nic ? nic(machine.nic) : []),
  ];
}

/** A machine that goes on has its kernel in its memory; QEMU would read the files, and keep them, for nothing. */
function bootArguments({ machine, acceleration, transport }: QemuCommandOptions): string[] {
  return [
    ...["-kernel", machine.vmlinuxPath, "-initrd", machine.initramfsPath],
    ...["-append", kernelCommandLine(acceleration, transport)],
  ];
}

/**
 * The channel and the console. A port's id is what QEMU tells of it by: the guest that closes it is reached through the
 * console's line from then on. Where the channel takes the first serial line, the console is a second one: it is there
 * from the kernel's first line on, and in a kernel without any virtio driver, which is what `serial` is for.
 */
const SERIAL_DEVICES = {
  "virtio-serial": [
    ...["-serial", "chardev:console"],
    ...["-device", "virtio-serial-device"],
    ...["-device", "virtserialport,chardev=channel,name=bandsox.agent,id=agent"],
  ],
  serial: [
    ...["-serial", "chardev:channel"],
    ...["-device", "isa-serial,chardev=console,index=1,iobase=0x2f8,irq=3"],
  ],
} as const;

function accelerationArguments(acceleration: Acceleration): string[] {
  if (acceleration.kind === "kvm") return ["-accel", "kvm", "-cpu", "host"];
  // Without fast string instructions the guest copies memory in words; TCG emulates them byte by byte.
  return ["-accel", "tcg,thread=multi,tb-size=128", "-cpu", "max,-erms,-fsrm"];
}

/**
 * The guest kernel's command line. An emulated guest's TSC is the host's and right; `tsc=reliable` keeps the kernel from
 * judging it by its ticks, some of which are lost on a busy host, and from counting time by those from then on.
 */
export function kernelCommandLine(acceleration: Acceleration, transport: QemuTransport): string {
  const timing =
    acceleration.kind === "tcg"
      ? [
          `tsc_early_khz=${acceleration.tscKhz}`,
          "tsc=reliable",
          "mitigations=off",
          "no_timer_check",
          CALM_AGENT,
          ...LEAN_KERNEL,
        ]
      : [];
  return [
    transport === "serial" ? "console=ttyS1" : "console=ttyS0",
    "quiet",
    "loglevel=4",
    "panic=-1",
    "reboot=t",
    "random.trust_cpu=on",
    "i8042.noaux",
    "i8042.nopnp",
    "cryptomgr.notests",
    `bandsox.channel=${transport}`,
    ...(transport === "virtio-serial" ? ["bandsox.fallback=serial"] : []),
    ...timing,
  ].join(" ");
}

/**
 * The network device; the last, so that the disks have the same places without it. The device's features come from the
 * backend: a TAP device's offloads are part of what a saved machine depends on.
 */
function nic({ mac, backend }: NicSpec): string[] {
  const { v4 } = INSIDE;
  const netdev =
    backend.kind === "tap"
      ? `tap,id=nic,fd=${DESCRIPTORS.tap},vhost=off`
      : `user,id=nic,ipv6=off,net=${v4.net},host=${v4.gateway},dns=${v4.userDns}`;
  return ["-netdev", netdev, "-device", `virtio-net-device,netdev=nic,mac=${mac}`];
}

/**
 * The kernel hands what it does not know to its first process, as environment. On an emulated processor each signal by
 * which the agent's runtime interrupts a goroutine is a long way, and none of them computes for long without a call.
 */
const CALM_AGENT = "GODEBUG=asyncpreemptoff=1";

/**
 * What a distribution's kernel does at each allocation, system call and start of a program to guard the guest's own
 * processes from each other costs an emulated processor an eighth of a first command. The guest has one tenant, and the machine
 * is what holds it. Landlock and Yama stay: programs ask for those.
 */
export const LEAN_KERNEL = [
  "init_on_alloc=0",
  "hardened_usercopy=off",
  "randomize_kstack_offset=off",
  "audit=0",
  "lsm=landlock,lockdown,yama,integrity",
  "noautogroup",
  "nowatchdog",
] as const;

/** A comma in a QEMU option's value is written twice. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

function disk(id: string, path: string, readonly: boolean): string[] {
  const drive = `id=${id},file=${escaped(path)},format=raw,if=none,readonly=${readonly ? "on" : "off"}`;
  const cache = readonly ? "" : ",cache=writeback,discard=unmap,detect-zeroes=unmap";
  return [
    "-drive",
    `${drive},file.locking=off${cache}`,
    "-device",
    `virtio-blk-device,drive=${id},serial=${id}`,
  ];
}
