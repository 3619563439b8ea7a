import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import type { BandSox } from "bandsox";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseMib, parseWholeNumber } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { failureText } from "../print/failure.ts";

const MAX_VMS = 8;
const MAX_MEM_MIB = 2048;

const EXAMPLES = `
Examples:
  bandsox mcp
  bandsox mcp --image 'python:*' --max-vms 2 --max-mem 512m
  bandsox mcp --vm my-vm --read-only

In the configuration of an agent:
  {"mcpServers": {"bandsox": {"command": "bandsox", "args": ["mcp"]}}}`;

/** `bandsox mcp`: VMs for agents. */
export function mcpCommand(context: CliContext) {
  return storeCommand("mcp")
    .description("serve VMs to an agent by the Model Context Protocol, on stdin and stdout")
    .option("--vm <vm>", "a VM the agent may use, beside those it makes; repeatable", collect)
    .option("--all-vms", "let it use every VM")
    .option(
      "--image <pattern>",
      "an image it may make VMs from, * for anything; repeatable (default: any)",
      collect,
    )
    .option("--read-only", "let it only look")
    .option("--max-vms <count>", `VMs of its own at once (default: ${MAX_VMS})`, argument(parseWholeNumber))
    .option("--max-mem <size>", "memory of each in MiB, or with a unit (default: 2g)", argument(parseMib))
    .option("--networking", "let its VMs have a network")
    .option("--keep", "leave its VMs when it ends, instead of deleting them")
    .addHelpText("after", EXAMPLES)
    .action(async ({ vm = [], allVms, image, readOnly, maxVms, maxMem, networking, keep, ...options }) => {
      const [{ Scope }, { serveMcp }] = await Promise.all([
        import("../mcp/scope.ts"),
        import("../mcp/serve-mcp.ts"),
      ]);
      const scope = new Scope({
        vms: allVms ? "all" : vm,
        images: image,
        isReadOnly: readOnly === true,
        maxVms: maxVms ?? MAX_VMS,
        maxMemMib: maxMem ?? MAX_MEM_MIB,
        hasNetwork: networking === true,
        keepsVms: keep === true,
      });
      if (context.stdin.isTty) throw needsClient();
      await using bandsox = await context.openBandSox(options);
      try {
        await serveMcp({ bandsox, scope, signal: context.signal });
      } finally {
        if (!keep) await deleteAll(context, bandsox, scope.ownVms);
      }
    });
}

/** What an agent made goes with it; one that cannot be deleted keeps no other. */
async function deleteAll(context: CliContext, bandsox: BandSox, ids: Iterable<string>): Promise<void> {
  for (const id of ids) {
    try {
      await (await bandsox.getVm(id)).delete();
    } catch (error) {
      if (!isAnyBandSoxError(error)) throw error;
      if (error.code !== "vm_not_found") await context.stderr.write(failureText(context.stderr, error));
    }
  }
}

function needsClient(): BandSoxError {
  const message =
    "cannot serve a terminal: `bandsox mcp` is started by an agent, which speaks to it through pipes";
  return new BandSoxError("invalid_argument", message, { field: "stdin", found: "a terminal" });
}

function collect(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), text];
}
