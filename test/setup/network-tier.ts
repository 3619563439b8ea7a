import { readlinkSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { setup as setUpHostTier } from "./host-tier.ts";

/** Prepares the tier whose tests change networks: it runs in namespaces of its own (`scripts/in-namespaces.sh`). */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (process.env.BANDSOX_TEST_NETNS !== readlinkSync("/proc/self/ns/net")) {
    throw new Error("network tests change networks, and this is the machine's: run `npm run test:network`");
  }
  return setUpHostTier(project);
}
