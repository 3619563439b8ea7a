import { describe, expect, test } from "vitest";
import { kernelCommandLine, LEAN_KERNEL, type QemuTransport, qemuCommandLine } from "./command-line.ts";

const machine = {
  ...{ vcpu: 2, memMib: 256 },
  ...{ vmlinuxPath: "/k/vmlinux", initramfsPath: "/k/initramfs" },
  ...{ memoryFile: "/g/memory", baseDisk: "/b/base,1.ext4", layerDisk: "/v/layer.ext4" },
};
const tcg = { kind: "tcg", tscKhz: 2_000_000 } as const;
const kvm = { kind: "kvm" } as const;
const build = (transport: QemuTransport, acceleration: typeof tcg | typeof kvm = kvm, incoming = false) =>
  qemuCommandLine({
    ...{ binary: "qemu", machine, acceleration, transport, incoming },
    channelSocket: "channel.sock",
  });

const nic = { mac: "06:00:c6:12:00:02", backend: { kind: "tap", tap: "tap0", netns: "/n" } } as const;

test("a network device comes last, and its TAP device as a descriptor", () => {
  const options = { binary: "qemu", acceleration: kvm, transport: "virtio-serial", incoming: false } as const;
  const channelSocket = "channel.sock";
  const without = qemuCommandLine({ ...options, channelSocket, machine });
  const argv = qemuCommandLine({ ...options, channelSocket, machine: { ...machine, nic } });
  expect(argv.slice(0, without.length)).toEqual(without);
  expect(argv.slice(without.length)).toEqual([
    ...["-netdev", "tap,id=nic,fd=5,vhost=off"],
    ...["-device", "virtio-net-device,netdev=nic,mac=06:00:c6:12:00:02"],
  ]);
});

test("what makes an emulated kernel lean stands together: a saved machine does not depend on it", () => {
  expect(kernelCommandLine(tcg, "virtio-serial")).toContain(` ${LEAN_KERNEL.join(" ")}`);
});

describe("the command line of a microVM", () => {
  test("with virtio-serial", () => {
    expect(build("virtio-serial").join("\n")).toMatchInlineSnapshot(`
      "qemu
      -M
      microvm,x-option-roms=off,rtc=on,isa-serial=on,auto-kernel-cmdline=off,acpi=on,memory-backend=memory,suppress-vmdesc=on
      -object
      memory-backend-file,id=memory,size=256M,mem-path=/g/memory,share=off
      -accel
      kvm
      -cpu
      host
      -m
      256
      -smp
      2
      -nodefaults
      -no-user-config
      -nographic
      -no-reboot
      -sandbox
      on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
      -chardev
      socket,id=monitor,fd=3
      -mon
      chardev=monitor,mode=control
      -global
      migration.send-configuration=off
      -kernel
      /k/vmlinux
      -initrd
      /k/initramfs
      -append
      console=ttyS0 quiet loglevel=4 panic=-1 reboot=t random.trust_cpu=on i8042.noaux i8042.nopnp cryptomgr.notests bandsox.channel=virtio-serial bandsox.fallback=serial
      -chardev
      stdio,id=console,signal=off
      -device
      virtio-rng-device
      -chardev
      socket,id=channel,path=channel.sock
      -serial
      chardev:console
      -device
      virtio-serial-device
      -device
      virtserialport,chardev=channel,name=bandsox.agent,id=agent
      -drive
      id=base,file=/b/base,,1.ext4,format=raw,if=none,readonly=on,file.locking=off
      -device
      virtio-blk-device,drive=base,serial=base
      -drive
      id=layer,file=/v/layer.ext4,format=raw,if=none,readonly=off,file.locking=off,cache=writeback,discard=unmap,detect-zeroes=unmap
      -device
      virtio-blk-device,drive=layer,serial=layer"
    `);
  });

  test("a machine that goes on gets its state and is else the same", () => {
    const [boots, goesOn] = [build("virtio-serial"), build("virtio-serial", kvm, true)];
    expect(goesOn.filter((word) => !boots.includes(word))).toEqual(["-incoming", "fd:4"]);
  });

  test("the serial transport takes the first serial line and moves the console to a second", () => {
    const [usual, serial] = [build("virtio-serial"), build("serial")];
    expect(serial.filter((word) => !usual.includes(word))).toMatchInlineSnapshot(`
      [
        "console=ttyS1 quiet loglevel=4 panic=-1 reboot=t random.trust_cpu=on i8042.noaux i8042.nopnp cryptomgr.notests bandsox.channel=serial",
        "chardev:channel",
        "isa-serial,chardev=console,index=1,iobase=0x2f8,irq=3",
      ]
    `);
    expect(usual.filter((word) => !serial.includes(word))).toMatchInlineSnapshot(`
      [
        "console=ttyS0 quiet loglevel=4 panic=-1 reboot=t random.trust_cpu=on i8042.noaux i8042.nopnp cryptomgr.notests bandsox.channel=virtio-serial bandsox.fallback=serial",
        "chardev:console",
        "virtio-serial-device",
        "virtserialport,chardev=channel,name=bandsox.agent,id=agent",
      ]
    `);
  });

  test("no transport lets the kernel print on the channel", () => {
    expect(kernelCommandLine(kvm, "serial")).not.toContain("ttyS0");
    expect(kernelCommandLine(kvm, "virtio-serial").match(/console=\S+/g)).toEqual(["console=ttyS0"]);
  });

  test("emulation tells the guest the host's clock", () => {
    expect(kernelCommandLine(tcg, "serial")).toContain("tsc_early_khz=2000000 tsc=reliable");
    expect(build("serial", tcg)).toContain("tcg,thread=multi,tb-size=128");
  });
});
