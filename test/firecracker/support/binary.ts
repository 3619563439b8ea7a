import { defaultBinDir } from "@bandsox/core";
import { type FirecrackerTraits, installFirecrackerDouble } from "@bandsox/testkit";

/** Whether the tests run on a real Firecracker. */
export const isReal = process.env.FIRECRACKER_BIN !== undefined;

/** How much longer than on an idle machine with KVM things may take: the double's guests are emulated. */
export const PATIENCE = Number(process.env.BANDSOX_PATIENCE ?? (isReal ? 1 : 8));

/** The program under test: the one `FIRECRACKER_BIN` names, else a double made in `dir`. */
export async function firecrackerBinary(
  dir: string,
  traits: Partial<FirecrackerTraits> = {},
): Promise<string> {
  const { FIRECRACKER_BIN } = process.env;
  return FIRECRACKER_BIN ?? installFirecrackerDouble(dir, { ...traits, binDir: defaultBinDir(process.env) });
}
