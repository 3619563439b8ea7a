import { RANGE6 } from "./address-plan.ts";
import {
  ACCEPT,
  ctState,
  DROP,
  field,
  match,
  meta,
  type NftCommand,
  type NftStatement,
  nftTable,
  nftTransaction,
  oneOf,
  prefix,
  REJECT,
} from "./nft.ts";

export interface HostRulesOptions {
  /** The storage's own table */
  readonly table: string;
  /** Outside addresses of all slots */
  readonly range: string;
  /** Devices the host's own packets come in by, where it forwarded nothing before; new connections from there go nowhere but to us */
  readonly closed: readonly string[];
}

type Table = ReturnType<typeof nftTable>;

/**
 * The host's table, made if need be; what is in its sets stays. It lets guests out under the host's address and keeps
 * them from the host and from each other, whatever their own rules say.
 */
export function hostRules(options: HostRulesOptions): NftCommand[] {
  const table = nftTable(options.table);
  return [
    table.add(),
    ...linkSets(table),
    table.set("pairs", { type: ["ipv4_addr", "ipv4_addr"] }),
    ...Object.entries(BASES).flatMap(([name, base]) => [table.chain(name, base), table.flush(name)]),
    ...["refuse"].flatMap((name) => [table.chain(name), table.flush(name)]),
    ...REJECT.map((statements) => table.rule("refuse", ...statements)),
    ...input(table),
    ...forward(table, options),
    ...segments(table),
    ...masquerade(table, options.range),
  ];
}

function linkSets(table: Table): NftCommand[] {
  return ["links", "trusted"].map((set) => table.set(set, { type: "ifname" }));
}

/** Adds a slot's link, and says whether its guest may reach this host at all. */
export function addLink(name: string, link: string): NftCommand[] {
  return [nftTable(name).elements("add", "links", [link])];
}

/** Makes the host trust a link, or not. Both are idempotent, for an element must be there to be deleted. */
export function trustLink(name: string, link: string, trusted: boolean): NftCommand[] {
  const table = nftTable(name);
  const add = table.elements("add", "trusted", [link]);
  return trusted ? [add] : [add, table.elements("delete", "trusted", [link])];
}

/** Forgets a link. Idempotent. */
export function removeLink(name: string, link: string): NftCommand[] {
  const table = nftTable(name);
  return [
    table.add(),
    ...linkSets(table),
    ...["links", "trusted"].flatMap((set) => [
      table.elements("add", set, [link]),
      table.elements("delete", set, [link]),
    ]),
  ];
}

/** Replaces who reaches whom by private networks: outside addresses, from and to. */
export function setPairs(name: string, pairs: readonly (readonly [string, string])[]): NftCommand[] {
  const table = nftTable(name);
  const elem = pairs.map(([from, to]) => ({ concat: [from, to] }));
  return [table.flushSet("pairs"), ...(elem.length === 0 ? [] : [table.elements("add", "pairs", elem)])];
}

/** Removes the table. Idempotent. */
export function removeHostRules(name: string) {
  const table = nftTable(name);
  return nftTransaction([table.add(), table.delete()]);
}

const BASES = {
  input: { type: "filter", hook: "input", prio: 0, policy: "accept" },
  forward: { type: "filter", hook: "forward", prio: 0, policy: "accept" },
  segments: { type: "filter", hook: "forward", prio: -150, policy: "accept" },
  masquerade: { type: "nat", hook: "postrouting", prio: 100, policy: "accept" },
} as const;

const fromGuest = match(meta("iifname"), "@links");
const toGuest = match(meta("oifname"), "@links");
const refuse: NftStatement = { goto: { target: "refuse" } };

function input(table: Table): NftCommand[] {
  const neighbours = oneOf(["nd-neighbor-solicit", "nd-neighbor-advert"]);
  return [
    table.rule("input", fromGuest, ctState("established", "related"), ACCEPT),
    table.rule("input", fromGuest, match(field("icmpv6", "type"), neighbours), ACCEPT),
    table.rule("input", match(meta("iifname"), "@trusted"), ACCEPT),
    table.rule("input", fromGuest, refuse),
  ];
}

function forward(table: Table, { closed }: HostRulesOptions): NftCommand[] {
  const pair = match({ concat: [field("ip", "saddr"), field("ip", "daddr")] }, "@pairs");
  const redirected = match({ ct: { key: "status" } }, "dnat", "in");
  return [
    table.rule("forward", ctState("established", "related"), ACCEPT),
    table.rule("forward", fromGuest, toGuest, pair, ACCEPT),
    table.rule("forward", fromGuest, toGuest, refuse),
    table.rule("forward", fromGuest, ACCEPT),
    table.rule("forward", toGuest, DROP),
    ...(closed.length === 0
      ? []
      : [
          table.rule("forward", redirected, ACCEPT),
          table.rule("forward", match(meta("iifname"), oneOf(closed)), DROP),
        ]),
  ];
}

/** TCP segments are no larger than the way out takes, whatever ICMP is lost. */
function segments(table: Table): NftCommand[] {
  const opening = match(field("tcp", "flags"), "syn", "in");
  const clamp = {
    mangle: { key: { "tcp option": { name: "maxseg", field: "size" } }, value: { rt: { key: "mtu" } } },
  };
  return [fromGuest, toGuest].map((way) => table.rule("segments", way, opening, clamp));
}

function masquerade(table: Table, range: string): NftCommand[] {
  const outwards = match(meta("oifname"), "@links", "!=");
  const from = (protocol: string, net: string) =>
    table.rule("masquerade", match(field(protocol, "saddr"), prefix(net)), outwards, { masquerade: null });
  return [from("ip", range), from("ip6", RANGE6)];
}
