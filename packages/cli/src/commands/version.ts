import { arch, platform } from "node:process";
import { localCommand } from "../args/common-options.ts";
import { VERSION } from "../cli-version.ts";
import type { CliContext } from "../context.ts";
import { fields } from "../print/fields.ts";
import { tell } from "../print/tell.ts";

/** `bandsox version`. */
export function versionCommand(context: CliContext) {
  return localCommand("version")
    .description("print the versions of BandSox and of what it runs on")
    .addHelpText("after", "\nExamples:\n  bandsox version\n  bandsox version -q")
    .action(async (options) => {
      const versions = { version: VERSION, node: process.versions.node, platform: `${platform}/${arch}` };
      await tell(context, options, { json: versions, text: () => fields(versions), ids: [VERSION] });
    });
}
