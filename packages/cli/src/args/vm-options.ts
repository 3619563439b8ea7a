import type { Metadata, VmSpecInput } from "@bandsox/contract";
import { Option } from "@commander-js/extra-typings";
import { argument } from "./argument.ts";
import { storeCommand } from "./common-options.ts";
import { metadataOption } from "./metadata.ts";
import { addNetworkOptions, type NetworkOptions, networkingOf } from "./network-options.ts";
import { parseAssignment, parseMib, parseWholeNumber } from "./values.ts";

/** The options every command that makes a VM has. */
export function withVmOptions(name: string) {
  return addNetworkOptions(storeCommand(name))
    .option("-n, --name <name>", "name to use instead of the id; also the guest's host name")
    .option("--vcpu <count>", "virtual CPUs (default: 1)", wholeNumber)
    .option("-m, --mem <size>", "memory in MiB, or with a unit: 512m, 2g (default: 256)", mib)
    .option("--disk-size <size>", "writable disk in MiB, or with a unit (default: 4096)", mib)
    .option("-e, --env <name=value>", "variable for every command in the VM; repeatable", assignment, {})
    .option("--metadata <json>", "a JSON object kept with the VM", metadataOption)
    .addOption(
      new Option("--boot <how>", "golden: go on from a saved machine; cold: boot the kernel").choices([
        "golden",
        "cold",
      ] as const),
    )
    .option("--engine <name>", "firecracker or qemu (default: BANDSOX_ENGINE, else the best of this machine)")
    .option("--disk-bandwidth <mib>", "MiB a second its disk may move; 0 for any (firecracker)", wholeNumber)
    .option(
      "--disk-iops <count>",
      "operations a second its disk may do; 0 for any (firecracker)",
      wholeNumber,
    );
}

interface VmOptions extends NetworkOptions {
  name?: string | undefined;
  vcpu?: number | undefined;
  mem?: number | undefined;
  diskSize?: number | undefined;
  env: Record<string, string>;
  metadata?: Metadata | undefined;
  boot?: "golden" | "cold" | undefined;
  diskBandwidth?: number | undefined;
  diskIops?: number | undefined;
}

/** The options as the library takes them; what was not given is left to the library's defaults. */
export function toSpec({
  name,
  vcpu,
  mem,
  diskSize,
  env,
  metadata,
  boot,
  diskBandwidth,
  diskIops,
  ...network
}: VmOptions): Omit<VmSpecInput, "image"> {
  const networking = networkingOf(network);
  return {
    env,
    ...(name === undefined ? {} : { name }),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(mem === undefined ? {} : { memMib: mem }),
    ...(diskSize === undefined ? {} : { diskSizeMib: diskSize }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(networking === undefined ? {} : { networking }),
    ...(boot === undefined ? {} : { boot }),
    ...(diskBandwidth === undefined ? {} : { diskBandwidthMbps: diskBandwidth }),
    ...(diskIops === undefined ? {} : { diskIops }),
  };
}

const wholeNumber = argument(parseWholeNumber);
const mib = argument(parseMib);

/** Collects `NAME=value` options. */
export function assignment(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const [name, value] = argument(parseAssignment)(text);
  return { ...previous, [name]: value };
}
