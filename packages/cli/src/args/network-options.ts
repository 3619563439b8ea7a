import { type EgressPreset, type Networking, NetworkSpec, parseInput } from "@bandsox/contract";
import { type Command, Option } from "@commander-js/extra-typings";
import { argument } from "./argument.ts";
import { parsePublished } from "./published.ts";

/** The options about the network of a new VM. */
export function addNetworkOptions<Args extends unknown[], Opts extends Record<string, unknown>>(
  command: Command<Args, Opts>,
): Command<Args, Opts & NetworkOptions> {
  return command
    .option("--networking", "give the guest a network, or fail (default: where this machine can)")
    .addOption(
      new Option("--no-networking", "give the guest no network").conflicts([
        "network",
        "allow",
        "deny",
        "publish",
        "join",
        "cni",
      ]),
    )
    .addOption(
      new Option("--network <preset>", "what the guest may connect to where no rule decides").choices([
        "none",
        "public",
        "open",
      ] as const),
    )
    .option(
      "--allow <rule>",
      "a connection to allow: an address, a network, a domain, *.domain; with :port; repeatable",
      collect,
    )
    .option("--deny <rule>", "a connection to deny, looked at before --allow; repeatable", collect)
    .option(
      "-p, --publish <port>",
      "[[address:]host:]guest: a port of this machine that leads to one of the guest's; repeatable",
      published,
    )
    .option(
      "--join <network>",
      "a private network to be in, whose VMs reach each other by name; repeatable",
      collect,
    )
    .option(
      "--cni <network>",
      "a CNI network to attach the guest to, in place of BandSox's own",
    ) as unknown as Command<Args, Opts & NetworkOptions>; // what commander infers is too long to be written down
}

/** What those options are, parsed. */
export interface NetworkOptions {
  networking?: boolean | undefined;
  network?: EgressPreset | undefined;
  allow?: string[] | undefined;
  deny?: string[] | undefined;
  join?: string[] | undefined;
  cni?: string | undefined;
  publish?: ReturnType<typeof parsePublished>[] | undefined;
}

/** The options as the library takes them; `undefined` leaves it to the library. @throws {BandSoxError} `invalid_argument` */
export function networkingOf({
  networking,
  network,
  allow,
  deny,
  publish,
  join,
  cni,
}: NetworkOptions): Networking | undefined {
  if (network === undefined && cni === undefined && !allow && !deny && !publish && !join) return networking;
  const egress =
    allow || deny ? { preset: network, allow: allow ?? [], deny: deny ?? [] } : (network ?? "public");
  return parseInput(NetworkSpec, { egress, ports: publish ?? [], networks: join ?? [], cni }, "network");
}

function collect(text: string, previous: string[] = []): string[] {
  return [...previous, text];
}

function published(text: string, previous: ReturnType<typeof parsePublished>[] = []) {
  return [...previous, argument(parsePublished)(text)];
}
