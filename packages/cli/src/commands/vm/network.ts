import type { EgressInput, NetworkDecision } from "@bandsox/contract";
import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { jsonLine } from "../../print/tell.ts";

/** `bandsox vm network`: what was decided about a guest's connections, and what it may connect to. */
export function vmNetworkCommand(context: CliContext) {
  return storeCommand("network")
    .description("show what was decided about a VM's connections; change what it may connect to")
    .argument("<vm>", "id, name, or start of an id")
    .option("-w, --watch", "go on showing decisions as they are made")
    .option("--egress <preset>", "none, public or open: what decides where no rule does")
    .option(
      "--allow <rule...>",
      "connections to allow: an address, a network, a domain, *.domain; with :port",
    )
    .option("--deny <rule...>", "connections to deny, looked at before --allow")
    .addHelpText(
      "after",
      `
Examples:
  bandsox vm network my-vm --watch
  bandsox vm network my-vm --egress none --allow pypi.org:443 *.pythonhosted.org:443`,
    )
    .action(async (reference, options) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const { egress, allow, deny } = options;
      if (egress !== undefined || allow !== undefined || deny !== undefined) {
        const rules = { preset: egress, allow: allow ?? [], deny: deny ?? [] };
        await vm.network.setEgress((allow || deny ? rules : egress) as EgressInput);
        return;
      }
      const decisions = options.watch
        ? vm.network.watch({ signal: context.signal })
        : await vm.network.decisions();
      for await (const decision of decisions)
        await context.stdout.write(options.json ? jsonLine(decision) : `${line(decision)}\n`);
    });
}

function line({
  at,
  verdict,
  kind,
  protocol,
  address,
  port,
  name,
  addresses,
  rule,
}: NetworkDecision): string {
  const where =
    kind === "name" ? `${name} ${(addresses ?? []).join(",")}`.trim() : `${address}${port ? `:${port}` : ""}`;
  return `${at} ${verdict.padEnd(5)} ${kind === "inbound" ? "from " : ""}${protocol} ${where}  [${rule}]`;
}
