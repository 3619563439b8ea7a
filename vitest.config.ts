import { defineConfig } from "vitest/config";

const conditions = ["bandsox-source", "node", "import", "module", "default"];
/** Those of `ssr` are Node's own flags, too: `import` among them would change what a `require` finds. */
const ownConditions = ["bandsox-source", "node"];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions: ownConditions, externalConditions: ownConditions } },
  // What global set-up files are loaded in.
  environments: { __vitest__: { resolve: { conditions, externalConditions: conditions } } },
};

/** Tests touch no network of this machine's: VMs have one only in the tier that runs in a namespace of its own. */
const env = { BANDSOX_NETWORKING: "off" };

/** Time limits are for a machine of today; the KVM lab, an emulated one, says how many times slower it is. */
const scale = Number(process.env.BANDSOX_TEST_TIME_SCALE ?? "1");

/** How long a test with VMs waits for what is to come by itself; only what never comes is to fail. */
const expect = { poll: { timeout: 20_000 * scale } };

/** Files of tests with VMs that run side by side: a guest uses one processor while its test waits for it. */
const VMS_AT_ONCE = 2;

/** What is seen on screens is drawn by other programs, a browser's pages and a terminal's, and waits for those alone. */
const SCREENS = ["test/e2e/dashboard*.e2e.ts", "test/e2e/terminal.e2e.ts", "test/docs/screenshots.e2e.ts"];

/** Tiers by file name: what a test needs decides where it may run. */
export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          env,
          include: [
            "packages/*/src/**/*.test.ts",
            "scripts/**/*.test.ts",
            "bench/**/*.test.ts",
            "examples/**/*.test.ts",
            "test/docs/**/*.test.ts",
          ],
          exclude: ["**/*.host.test.ts", "**/*.net.test.ts", "**/node_modules/**"],
          setupFiles: ["test/setup/property-seed.ts"],
          // A machine that is busy with other things takes its time; only what hangs is to fail.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: "host",
          env,
          include: ["packages/*/src/**/*.host.test.ts"],
          expect,
          globalSetup: ["test/setup/host-tier.ts"],
          testTimeout: 120_000 * scale,
          hookTimeout: 240_000 * scale,
          maxWorkers: VMS_AT_ONCE,
        },
      },
      {
        ...shared,
        test: {
          name: "e2e",
          env,
          include: ["test/{e2e,docs}/**/*.e2e.ts"],
          exclude: [...SCREENS, "**/node_modules/**"],
          expect,
          globalSetup: ["test/setup/e2e-tier.ts"],
          testTimeout: 180_000 * scale,
          hookTimeout: 300_000 * scale,
          maxWorkers: VMS_AT_ONCE,
        },
      },
      {
        ...shared,
        test: {
          name: "screens",
          env,
          include: SCREENS,
          expect,
          globalSetup: ["test/setup/e2e-tier.ts"],
          testTimeout: 180_000 * scale,
          hookTimeout: 300_000 * scale,
          maxWorkers: 1,
          sequence: { groupOrder: 1 }, // after e2e, when both are run
        },
      },
      {
        ...shared,
        test: {
          name: "firecracker",
          env,
          include: ["test/firecracker/**/*.e2e.ts"],
          expect,
          globalSetup: ["test/setup/firecracker-tier.ts"],
          testTimeout: 180_000 * scale,
          hookTimeout: 300_000 * scale,
          maxWorkers: VMS_AT_ONCE,
        },
      },
      {
        ...shared,
        test: {
          name: "package",
          env,
          include: ["test/package/**/*.pkg.ts"],
          expect,
          globalSetup: ["test/setup/e2e-tier.ts"],
          testTimeout: 180_000 * scale,
          hookTimeout: 600_000 * scale,
          maxWorkers: 1,
        },
      },
      {
        ...shared,
        test: {
          name: "network",
          env: { BANDSOX_NETWORKING: "on" },
          include: ["packages/*/src/**/*.net.test.ts", "test/network/**/*.net.ts"],
          expect,
          globalSetup: ["test/setup/network-tier.ts"],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
