/** The dependency rules of ARCHITECTURE.md, executable. */
const only = (name, from, allowed) => ({
  name,
  severity: "error",
  from: { path: `^packages/${from}/src` },
  to: { path: "^packages/", pathNot: [`^packages/${from}/`, ...allowed.map((p) => `^packages/${p}/`)] },
});
const notTest = "\\.test\\.ts$";

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: {
        orphan: true,
        pathNot: [notTest, "^test/", "\\.d\\.ts$", "main\\.ts$", "vite\\.config\\.ts$", "/public/"],
      },
      to: {},
    },
    only("contract-imports-nothing-of-ours", "contract", []),
    {
      ...only("core-imports-contract", "core", ["contract"]),
      from: { path: "^packages/core/src", pathNot: notTest },
    },
    {
      ...only("bandsox-imports-core-and-client", "bandsox", ["contract", "core", "client"]),
      from: { path: "^packages/bandsox/src", pathNot: notTest },
    },
    {
      ...only("client-imports-contract", "client", ["contract"]),
      from: { path: "^packages/client/src", pathNot: notTest },
    },
    {
      name: "client-runs-anywhere",
      severity: "error",
      from: { path: "^packages/client/src", pathNot: notTest },
      to: { dependencyTypes: ["core", "npm"] },
    },
    {
      name: "client-loads-no-schemas",
      severity: "error",
      from: { path: "^packages/client/src", pathNot: notTest },
      to: {
        path: "^packages/contract/",
        pathNot: "^packages/contract/src/wire\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "wire-loads-no-schemas",
      severity: "error",
      from: {
        path: "^packages/contract/src/(wire|vm-moves|python|terminal-(output|questions)|api/(frames|wire|wire-vm))\\.ts$",
      },
      to: {
        pathNot:
          "^packages/contract/src/(vm-moves|python|terminal-(output|questions)|api/(frames|wire|wire-vm))\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      ...only("dashboard-imports-client", "dashboard", ["contract", "client"]),
      from: { path: "^packages/dashboard/src", pathNot: notTest },
    },
    {
      name: "dashboard-loads-no-schemas",
      severity: "error",
      from: { path: "^packages/dashboard/src", pathNot: notTest },
      to: {
        path: "^packages/contract/",
        pathNot: "^packages/contract/src/wire\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      ...only("server-imports-bandsox", "server", ["contract", "bandsox"]),
      from: { path: "^packages/server/src", pathNot: notTest },
    },
    {
      ...only("cli-imports-bandsox", "cli", ["contract", "bandsox", "server"]),
      from: { path: "^packages/cli/src", pathNot: notTest },
    },
    {
      name: "cli-serves-in-one-place",
      severity: "error",
      from: { path: "^packages/cli/src", pathNot: ["^packages/cli/src/commands/(serve|auth)", notTest] },
      to: { path: "^packages/server/" },
    },
    {
      name: "contract-imports-zod-only",
      severity: "error",
      from: { path: "^packages/contract/src", pathNot: notTest },
      to: { pathNot: ["^packages/contract/", "node_modules/zod"] },
    },
    {
      name: "testkit-is-for-tests",
      severity: "error",
      from: { pathNot: [notTest, "^(test|bench)/", "^packages/testkit/"] },
      to: { path: "^packages/testkit/" },
    },
    {
      name: "only-the-composition-root-names-an-engine",
      severity: "error",
      from: {
        path: "^packages/core/src",
        pathNot: [
          "^packages/core/src/engine/",
          "^packages/core/src/open-core\\.ts$",
          "^packages/core/src/setup/[a-z-]*firecracker\\.ts$",
          notTest,
        ],
      },
      to: { path: "^packages/core/src/engine/(qemu|firecracker)/" },
    },
    {
      name: "base-and-host-are-leaves",
      severity: "error",
      from: { path: "^packages/core/src/(base|host)/", pathNot: notTest },
      to: { path: "^packages/core/src/(store|image|disk|engine|guest|vm|network|snapshot|setup)/" },
    },
    {
      name: "adapters-do-not-know-vms",
      severity: "error",
      from: { path: "^packages/core/src/(store|image|disk|engine|guest|network)/", pathNot: notTest },
      to: { path: "^packages/core/src/vm/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsConfig: { fileName: "tsconfig.base.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ["bandsox-source", "import", "node", "default"],
      exportsFields: ["exports"],
    },
  },
};
