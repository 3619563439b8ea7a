import { defaultBinDir } from "@bandsox/core";
import type { TestProject } from "vitest/node";
import { missingHelpers } from "./missing-helpers.ts";
import { provideSharedStorage, say } from "./shared-storage.ts";

/** Prepares the tier of the Firecracker engine: on the binary `FIRECRACKER_BIN` names, else on the double. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = missingHelpers();
  if (missing.length > 0) {
    throw new Error(`${missing.join(", ")} missing in ${defaultBinDir(process.env)}: run \`make setup\``);
  }
  const { FIRECRACKER_BIN } = process.env;
  say(FIRECRACKER_BIN ? `Firecracker: ${FIRECRACKER_BIN}` : "Firecracker: the double, over QEMU");
  return provideSharedStorage(project);
}
