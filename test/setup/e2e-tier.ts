import { defaultBinDir, defaultStorageDir, runDoctor } from "@bandsox/core";
import type { TestProject } from "vitest/node";
import { missingHelpers } from "./missing-helpers.ts";
import { provideSharedStorage, say } from "./shared-storage.ts";

/** The doctor judges the storage people use; the run has its own. */
const OWN_STORAGE = new Set(["storage", "kernel"]);

/** Prepares the end-to-end tier, which runs the whole product and so needs everything the doctor requires. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = missingHelpers();
  if (missing.length > 0) {
    throw new Error(`${missing.join(", ")} missing in ${defaultBinDir(process.env)}: run \`make setup\``);
  }
  const { checks } = await runDoctor({ storageDir: defaultStorageDir(process.env) });
  for (const check of checks) {
    if (check.ok || OWN_STORAGE.has(check.id)) continue;
    if (check.level === "required") say(`VMs cannot run here: ${check.id}: ${check.found}; ${check.remedy}`);
    else if (check.id === "kvm") say(`no KVM: ${check.found}`);
  }
  return provideSharedStorage(project);
}
