import { isAnyBandSoxError } from "@bandsox/contract";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parsePortPair } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { jsonLine } from "../print/tell.ts";

const pair = argument(parsePortPair);

/** `bandsox port-forward`: ports of this machine that lead into a VM. */
export function portForwardCommand(context: CliContext) {
  return storeCommand("port-forward")
    .description("make ports of this machine lead into a VM, until interrupted")
    .argument("<vm>", "id, name, or the start of an id")
    .argument(
      "<ports...>",
      "[host:]guest; without host any free port",
      (text: string, previous: ReturnType<typeof pair>[] | undefined) => [...(previous ?? []), pair(text)],
    )
    .option("--address <ip>", "address of this machine to listen at (default: 127.0.0.1)")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox port-forward my-vm 8000\n  bandsox port-forward my-vm 8080:80",
    )
    .action(async (reference, ports, { address, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      await using listening = new AsyncDisposableStack();
      const vm = await bandsox.getVm(reference);
      const onConnectionError = (error: unknown) => {
        if (isAnyBandSoxError(error)) void context.stderr.write(`bandsox: ${error.message}\n`);
      };
      for (const { host, guest } of ports) {
        const where = address === undefined ? {} : { address };
        const forwarded = listening.use(await vm.forwardPort({ host, guest, ...where, onConnectionError }));
        const json = { vm: vm.id, address: forwarded.address, port: forwarded.port, guest };
        await context.stdout.write(options.json ? jsonLine(json) : line(json));
      }
      await interruption(context.signal);
    });
}

function line({ vm, address, port, guest }: { vm: string; address: string; port: number; guest: number }) {
  return `${address}:${port} leads to ${guest} in ${vm}\n`;
}

function interruption(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise;
}
