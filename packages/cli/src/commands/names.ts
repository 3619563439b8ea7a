import { Argument } from "@commander-js/extra-typings";
import { storeCommand } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { oneLine } from "../print/one-line.ts";
import { tell } from "../print/tell.ts";

/** `bandsox __names`: what a shell completes names by. */
export function namesCommand(context: CliContext) {
  return storeCommand("__names")
    .description("print the names and ids of VMs, snapshots or images, for shells to complete")
    .addArgument(new Argument("<kind>", "what to name").choices(["vm", "snapshot", "image"] as const))
    .addHelpText("after", "\nExamples:\n  bandsox __names vm")
    .action(async (kind, options) => {
      await using bandsox = await context.openBandSox(options);
      const list = {
        vm: async () => (await bandsox.listVms({ signal: context.signal })).flatMap(namesOf),
        snapshot: async () => (await bandsox.snapshots.list()).flatMap(namesOf),
        image: async () => (await bandsox.images.list()).flatMap(({ references }) => references),
      };
      const names = [...new Set(await list[kind]())];
      const text = names.map((name) => `${oneLine(name)}\n`).join("");
      await tell(context, options, { json: names, text, ids: names.map(oneLine) });
    });
}

function namesOf({ id, name }: { id: string; name: string }): string[] {
  return [name, id];
}
