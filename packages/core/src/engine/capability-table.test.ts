import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { capabilityTables, withTables } from "./capability-table.ts";
import { firecrackerEngine } from "./firecracker/firecracker-engine.ts";
import { Launcher } from "./launcher.ts";
import { qemuEngine } from "./qemu/qemu-engine.ts";

const path = join(import.meta.dirname, "../../../../docs/engines.md");

/** Engines that only tell what they can do. */
function engines() {
  const find = () => {
    throw new Error("nothing is started here");
  };
  const launcher = new Launcher("/nowhere");
  const diskLimits = { bandwidthMbps: 0, iops: 0 };
  return [firecrackerEngine({ launcher, find, diskLimits, warn: () => {} }), qemuEngine({ launcher, find })];
}

test("docs/engines.md says of the engines what they say themselves (`npm run docs` writes it)", () => {
  const document = readFileSync(path, "utf8");
  const fresh = withTables(document, capabilityTables(engines()));
  if (process.env.BANDSOX_WRITE_DOCS) writeFileSync(path, fresh);
  else expect(document).toBe(fresh);
});

test("a document without a place for tables is not written over", () => {
  expect(() => withTables("# Engines\n", "| |")).toThrow("has no");
});
