/**
 * The double's state file: one line of JSON that says what machine it is, then QEMU's own state of its devices. It stands
 * for Firecracker's, which nobody but Firecracker reads either.
 */
import { readFile, writeFile } from "node:fs/promises";
import { FIRECRACKER_REQUESTS } from "@bandsox/core/engine-parts";
import { z } from "zod";
import { ApiFault, osError } from "./fault.ts";

export const MachineState = z.strictObject({
  format: z.literal("bandsox-firecracker-double"),
  /** Major and minor version: another one's snapshots are refused */
  version: z.string(),
  vcpu: z.int(),
  memMib: z.int(),
  bootArgs: z.string(),
  kernel: z.string(),
  initramfs: z.string(),
  drives: z.array(z.strictObject({ id: z.string(), path: z.string(), readOnly: z.boolean() })),
  vsockPath: z.string().optional(),
  balloon: FIRECRACKER_REQUESTS["PUT /balloon"].optional(),
  networkInterfaces: z.array(z.strictObject({ id: z.string(), mac: z.string() })),
});
export type MachineState = z.infer<typeof MachineState>;

export async function writeState(path: string, state: MachineState, devices: string): Promise<void> {
  const head = Buffer.from(`${JSON.stringify(state)}\n`);
  await writeFile(path, Buffer.concat([head, await readFile(devices)]));
}

/** Reads a state file, and puts QEMU's part into a file of its own. @throws {ApiFault} */
export async function readState(path: string, devices: string): Promise<MachineState> {
  const content = await readFile(path).catch((error: unknown) => {
    throw loadFault(
      `Failed to get snapshot state from file: Failed to open snapshot file: ${osError(error)}`,
    );
  });
  const end = content.indexOf("\n");
  try {
    const state = MachineState.parse(JSON.parse(content.subarray(0, end).toString("utf8")));
    await writeFile(devices, content.subarray(end + 1));
    return state;
  } catch {
    throw loadFault(
      "Failed to get snapshot state from file: Failed to load snapshot state from file: it is damaged",
    );
  }
}

export function loadFault(why: string): ApiFault {
  return new ApiFault(`Load snapshot error: Failed to restore from snapshot: ${why}`);
}
