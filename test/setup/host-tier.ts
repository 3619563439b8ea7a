import { defaultBinDir } from "@bandsox/core";
import type { TestProject } from "vitest/node";
import { missingHelpers } from "./missing-helpers.ts";
import { provideSharedStorage, say } from "./shared-storage.ts";

/** Prepares the host tier: its tests use this machine's tools and run real VMs, and skip themselves where they cannot. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = missingHelpers();
  if (missing.length > 0) {
    throw new Error(`${missing.join(", ")} missing in ${defaultBinDir(process.env)}: run \`make setup\``);
  }
  if (process.getuid?.() !== 0) say("not root: host tests that need root will be skipped");
  return provideSharedStorage(project);
}
