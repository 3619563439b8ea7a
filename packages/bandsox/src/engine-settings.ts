import { parseInput } from "@bandsox/contract";
import type { EngineSettings } from "@bandsox/core";
import { z } from "zod";

const Acceleration = z.enum(["kvm", "tcg"]);
const Transport = z.enum(["vsock", "virtio-serial", "serial"]);
const Switch = z.enum(["on", "off"]);
const Amount = z.coerce.number("a number").int("a whole number").min(0, "0 for no limit");
const BootTimeout = z.coerce.number("a number").int("a whole number").min(1, "at least 1").max(2_147_483_647);
const Factor = z.coerce.number("a number").positive("more than 0");

/** The engine settings of the environment, each of which an option goes before. */
export function engineSettings(
  given: EngineSettings,
  env: Readonly<Record<string, string | undefined>>,
): EngineSettings {
  const read = <T>(schema: z.ZodType<T>, name: string): T | undefined =>
    env[name] ? parseInput(schema, env[name], name) : undefined;
  const serial = read(Switch, "BANDSOX_SERIAL");
  const jail = read(Switch, "BANDSOX_JAILER");
  const bandwidthMbps = read(Amount, "BANDSOX_DISK_BANDWIDTH_MBPS");
  const iops = read(Amount, "BANDSOX_DISK_IOPS");
  return {
    engine: given.engine ?? (env.BANDSOX_ENGINE || undefined),
    acceleration: given.acceleration ?? read(Acceleration, "BANDSOX_ACCEL"),
    transport: given.transport ?? read(Transport, "BANDSOX_TRANSPORT"),
    bootTimeoutMs: given.bootTimeoutMs ?? read(BootTimeout, "BANDSOX_BOOT_TIMEOUT_MS"),
    firecracker: given.firecracker ?? (env.BANDSOX_FIRECRACKER || undefined),
    serial: given.serial ?? (serial === undefined ? undefined : serial === "on"),
    jail: given.jail ?? (jail === undefined ? undefined : jail === "on"),
    vsockIsolationDir: given.vsockIsolationDir ?? (env.BANDSOX_VSOCK_ISOLATION_DIR || undefined),
    patience: given.patience ?? read(Factor, "BANDSOX_PATIENCE"),
    diskLimits: {
      ...(bandwidthMbps === undefined ? {} : { bandwidthMbps }),
      ...(iops === undefined ? {} : { iops }),
      ...given.diskLimits,
    },
  };
}
