import type { RestoreSpec } from "@bandsox/contract";
import type { Command } from "@commander-js/extra-typings";
import { addLimitOptions, type NewLimitOptions, toNewLimits } from "./limit-options.ts";
import { metadataOption } from "./metadata.ts";
import { addNetworkOptions, type NetworkOptions, networkingOf } from "./network-options.ts";
import { assignment } from "./vm-options.ts";

/** Adds what may be different in a VM that goes on from a save. */
export function addCloneOptions<A extends unknown[], O extends Record<string, unknown>>(
  command: Command<A, O>,
) {
  return addLimitOptions(addNetworkOptions(command))
    .option(
      "-e, --env <name=value>",
      "variable for every command, instead of those it had; repeatable",
      assignment,
    )
    .option("--metadata <json>", "a JSON object kept with the VM, instead of the one it had", metadataOption);
}

interface CloneOptions extends NetworkOptions, NewLimitOptions {
  env?: Record<string, string> | undefined;
  metadata?: RestoreSpec["metadata"];
}

/** The options as the library takes them; what was not given is as it was. */
export function toClone({ env, metadata, ...options }: CloneOptions): Omit<RestoreSpec, "name"> {
  const networking = networkingOf(options);
  return {
    ...toNewLimits(options),
    ...(env === undefined ? {} : { env }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(networking === undefined ? {} : { networking }),
  };
}
