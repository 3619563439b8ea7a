import { randomBytes } from "node:crypto";
import type { VmId } from "@bandsox/contract";
import { GuestClient, type GuestNetwork, type Hello } from "../guest/guest-client.ts";
import type { GuestConnections } from "../guest/guest-connections.ts";
import { setClock } from "../guest/set-clock.ts";
import { envOf, type ImageConfig } from "../image/image-config.ts";
import type { VmRecord } from "../store/vm-records.ts";

const ENTROPY_BYTES = 64;

/** Whose machine a guest becomes. */
export interface GuestIdentity {
  readonly record: Pick<VmRecord, "id" | "name"> & { readonly spec: Pick<VmRecord["spec"], "env"> };
  readonly imageConfig: ImageConfig;
  readonly agentSocket: string;
  /** Keeps the connection for the first call after it (default: it is not kept) */
  readonly connections?: GuestConnections | undefined;
}

/** What a bare guest is made a machine of. */
export interface MachineDevices {
  readonly base: string;
  readonly layer: string;
  readonly network?: GuestNetwork | undefined;
}

/** Gives a bare guest its disks, its network and its identity. */
export async function enterMachine(
  { record, imageConfig, agentSocket }: GuestIdentity,
  devices: MachineDevices,
  signal?: AbortSignal,
): Promise<Hello> {
  await using guest = new GuestClient({ vmId: record.id, socketPath: agentSocket });
  const hello = await guest.hello(signal);
  await guest.configureMachine(
    {
      ...{ hostname: hostname(record.name), env: { ...envOf(imageConfig), ...record.spec.env } },
      ...{ workingDir: imageConfig.workingDir, user: imageConfig.user },
      ...{ baseDevice: devices.base, layerDevice: devices.layer, network: devices.network },
      ...moment(),
    },
    signal,
  );
  await setClock(guest, signal);
  return hello;
}

/** Tells a guest that goes on from a save of another VM who it is now. Its sessions go on. */
export async function becomeClone(
  { record, imageConfig, agentSocket, connections }: GuestIdentity,
  signal?: AbortSignal,
): Promise<void> {
  await using guest = new GuestClient({ vmId: record.id, socketPath: agentSocket, connections });
  const clone = {
    hostname: hostname(record.name),
    env: { ...envOf(imageConfig), ...record.spec.env },
    restoreId: randomBytes(16).toString("hex"),
  };
  await guest.refreshIdentity({ ...moment(), clone }, signal);
  await setClock(guest, signal);
}

/** Tells a guest that stood still what time it is, and stirs its random generator. */
export async function wakeGuest(id: VmId, agentSocket: string, signal?: AbortSignal): Promise<void> {
  await using guest = new GuestClient({ vmId: id, socketPath: agentSocket });
  await guest.refreshIdentity(moment(), signal);
  await setClock(guest, signal);
}

function moment() {
  return { epochMs: Date.now(), entropy: randomBytes(ENTROPY_BYTES).toString("base64") };
}

/** A VM's name as a host name: letters, digits and hyphens. */
function hostname(name: string): string {
  return name.replace(/[._]/g, "-").toLowerCase();
}
