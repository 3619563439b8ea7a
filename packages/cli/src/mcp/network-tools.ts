import { EgressPreset } from "@bandsox/contract";
import { z } from "zod";
import { type Tool, tool, VM, vmOf } from "./tool.ts";

const RULES = z
  .array(z.string())
  .optional()
  .describe("rules: an address, a network, a domain or *.domain, each with :port if need be");

/** What the network of a VM lets through. */
export const NETWORK_TOOLS: readonly Tool[] = [
  tool("set_network_policy", {
    title: "Change a network policy",
    description:
      "Decide what a VM may connect to, from now on. Of connections that no rule is about, the preset decides: none, public (the Internet alone) or open.",
    input: z.object({
      vm: VM,
      preset: EgressPreset.optional().describe("default: none where allow has rules, else public"),
      allow: RULES,
      deny: RULES,
    }),
    isDestructive: true,
    run: async ({ vm: reference, preset, allow = [], deny = [] }, world) => {
      world.scope.assertNetwork();
      const egress = { ...(preset === undefined ? {} : { preset }), allow, deny };
      const vm = await vmOf(world, reference);
      await vm.network.setEgress(egress, { signal: world.signal });
      return { vm: vm.id, egress };
    },
  }),
  tool("list_network_decisions", {
    title: "List network decisions",
    description: "List which connections of a VM were let through and which were not, and by which rule.",
    input: z.object({ vm: VM }),
    isReadOnly: true,
    run: async ({ vm: reference }, world) => {
      const vm = await vmOf(world, reference);
      return { decisions: (await vm.network.decisions()).slice(-DECISIONS_MAX) };
    },
  }),
];

/** More would fill an agent's context. */
const DECISIONS_MAX = 100;
