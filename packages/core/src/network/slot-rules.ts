import type { Egress } from "@bandsox/contract";
import { INSIDE } from "./address-plan.ts";
import { type DecidingRule, egressRules } from "./egress-rules.ts";
import {
  ACCEPT,
  ctState,
  DROP,
  field,
  goto,
  jump,
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

/** The table in a slot's namespace. */
export const SLOT_TABLE = "guest";
/** Where the kernel tells decisions, to whoever listens in the namespace. */
export const LOG_GROUP = 1;
/** Decisions told a second, and at once; a flood of connections costs no more. */
const LOG_RATE = { rate: 50, burst: 100, per: "second" } as const;
const NAMES_MAX = 4096;
const PINGS = { rate: 50, burst: 50, per: "second" } as const;

export interface SlotRulesOptions {
  /** The device that leads out */
  readonly uplink: string;
  /** The guest's addresses outside; without the second the guest has no IPv6 outside */
  readonly address: string;
  readonly address6?: string | undefined;
  /** Outside addresses of all slots: other VMs, which are reached by a shared private network only */
  readonly slots: readonly string[];
  /** Addresses of this machine */
  readonly host: readonly string[];
  /** Outside addresses of the VMs that share a private network with this one */
  readonly peers: readonly string[];
  readonly egress: Egress;
  /** Who opens what arrives and comes from no other VM, as the log of decisions calls it */
  readonly neighbours: string;
}

/**
 * All rules of a slot's namespace, replacing whatever there was: what the guest may connect to, who may connect to it,
 * and the translation between its inside address and its own outside.
 */
export function slotRules(options: SlotRulesOptions) {
  const table = nftTable(SLOT_TABLE);
  const rules = egressRules(options.egress);
  return nftTransaction([
    ...[table.add(), table.delete(), table.add()],
    ...hostSets(table, options.host),
    table.set("peers", { type: "ipv4_addr", ...elements(options.peers) }),
    ...nameSets(table, rules),
    ...chains(table, options, rules),
    ...translation(table, options, rules),
    ...guard(table, options),
    ...inbound(table, options),
    ...outbound(table, options, rules),
  ]);
}

type Table = ReturnType<typeof nftTable>;

const BASES = {
  raw: { type: "filter", hook: "prerouting", prio: -300, policy: "accept" },
  dnat: { type: "nat", hook: "prerouting", prio: -100, policy: "accept" },
  snat: { type: "nat", hook: "postrouting", prio: 100, policy: "accept" },
  input: { type: "filter", hook: "input", prio: 0, policy: "drop" },
  forward: { type: "filter", hook: "forward", prio: 0, policy: "drop" },
} as const;

function chains(
  table: Table,
  { neighbours }: SlotRulesOptions,
  rules: readonly DecidingRule[],
): NftCommand[] {
  return [
    ...Object.entries(BASES).map(([name, base]) => table.chain(name, base)),
    ...["ingress", "egress", "refuse"].map((name) => table.chain(name)),
    ...REJECT.map((statements) => table.rule("refuse", ...statements)),
    ...rules.flatMap(({ verdict, label }, index) =>
      verdictChain(table, `rule${index}`, { way: "out", verdict, label }),
    ),
    ...verdictChain(table, "gateway", { way: "out", verdict: "deny", label: "the gateway" }),
    ...verdictChain(table, "others", { way: "out", verdict: "deny", label: "other VMs" }),
    ...verdictChain(table, "network", { way: "out", verdict: "allow", label: "private network" }),
    ...verdictChain(table, "guests", { way: "in", verdict: "deny", label: "other VMs" }),
    ...verdictChain(table, "members", { way: "in", verdict: "allow", label: "private network" }),
    ...verdictChain(table, "host", { way: "in", verdict: "allow", label: neighbours }),
  ];
}

/** A chain that tells a decision and carries it out. Its log line is `<way> <verdict> <label>`. */
function verdictChain(
  table: Table,
  name: string,
  { way, verdict, label }: { way: "in" | "out"; verdict: "allow" | "deny"; label: string },
): NftCommand[] {
  const log = { prefix: `${way} ${verdict} ${label}`, group: LOG_GROUP, snaplen: 128 };
  return [
    table.chain(name),
    table.rule(name, { limit: LOG_RATE }, { log }),
    table.rule(name, verdict === "allow" ? ACCEPT : goto("refuse")),
  ];
}

const fromGuest = match(meta("iifname"), INSIDE.tap);

/** A guest speaks for itself alone. */
function guard(table: Table, { uplink }: SlotRulesOptions): NftCommand[] {
  const own6 = oneOf([INSIDE.v6.guest, prefix("fe80::/10"), "::"]);
  const listen = (protocol: string, gateway: string) =>
    ["udp", "tcp"].map((transport) =>
      table.rule(
        "input",
        ...[
          fromGuest,
          match(field(protocol, "daddr"), gateway),
          match(field(transport, "dport"), 53),
          ACCEPT,
        ],
      ),
    );
  return [
    table.rule("raw", fromGuest, match(field("ip", "saddr"), INSIDE.v4.guest, "!="), DROP),
    table.rule("raw", fromGuest, match(field("ip6", "saddr"), own6, "!="), DROP),
    table.rule("input", match(meta("iifname"), "lo"), ACCEPT),
    table.rule("input", ctState("established", "related"), ACCEPT),
    ...listen("ip", INSIDE.v4.gateway),
    ...listen("ip6", INSIDE.v6.gateway),
    table.rule("input", match(field("icmp", "type"), "echo-request"), { limit: PINGS }, ACCEPT),
    table.rule(
      "input",
      match(field("icmpv6", "type"), oneOf(["nd-neighbor-solicit", "nd-neighbor-advert", "echo-request"])),
      ...[{ limit: PINGS }, ACCEPT],
    ),
    table.rule("input", fromGuest, goto("gateway")),
    table.rule("forward", ctState("established", "related"), ACCEPT),
    table.rule("forward", ctState("invalid"), DROP),
    table.rule(
      "forward",
      match(meta("iifname"), uplink),
      match(meta("oifname"), INSIDE.tap),
      jump("ingress"),
    ),
    table.rule("forward", fromGuest, match(meta("oifname"), uplink), jump("egress")),
  ];
}

/** The guest's address inside is its own outside, both ways; and with rules about names, names are asked for here. */
function translation(
  table: Table,
  { uplink, address, address6 }: SlotRulesOptions,
  rules: readonly DecidingRule[],
): NftCommand[] {
  const arriving = match(meta("iifname"), uplink);
  const leaving = match(meta("oifname"), uplink);
  const pair = (protocol: "ip" | "ip6", inside: string, outside: string) => [
    table.rule("dnat", arriving, match(field(protocol, "daddr"), outside), {
      dnat: { family: protocol, addr: inside },
    }),
    table.rule("snat", leaving, match(field(protocol, "saddr"), inside), {
      snat: { family: protocol, addr: outside },
    }),
  ];
  const asks = (transport: string) =>
    table.rule("dnat", fromGuest, match(field(transport, "dport"), 53), { redirect: { port: 53 } });
  return [
    ...(rules.some((rule) => rule.domain) ? [asks("udp"), asks("tcp")] : []),
    ...pair("ip", INSIDE.v4.guest, address),
    ...(address6 === undefined ? [] : pair("ip6", INSIDE.v6.guest, address6)),
  ];
}

/**
 * Whatever this host opens reaches the guest; other VMs do by a private network. What comes back of a connection that the
 * guest has opened, and that is to be judged anew, opens none: the kernel would take it for one from here otherwise.
 */
function inbound(table: Table, { slots }: SlotRulesOptions): NftCommand[] {
  return [
    table.rule("ingress", match({ "&": [field("tcp", "flags"), OPENING.mask] }, OPENING.flags, "!="), DROP),
    table.rule("ingress", match(field("ip", "saddr"), "@peers"), goto("members")),
    ...slots.map((range) => table.rule("ingress", ...beyondThePair(range), goto("guests"))),
    ...datagramsFromElsewhere(slots).map((matches) => table.rule("ingress", ...matches, DROP)),
    table.rule("ingress", goto("host")),
  ];
}

/** The flags of a TCP packet that opens a connection: of fin, syn, rst and ack it has syn alone. */
const OPENING = { mask: 0x17, flags: 0x02 } as const;

/**
 * Datagrams that neither an address of this machine nor its end of a slot's cable has sent. Who else may reach a VM of a
 * network without such cables is that network's matter.
 */
function datagramsFromElsewhere(slots: readonly string[]): NftStatement[][] {
  if (slots.length === 0) return [];
  const source = field("ip", "saddr");
  const ends = match(source, oneOf(slots.map(prefix)), "!=");
  return [[match(meta("l4proto"), "udp"), match(source, "@host4", "!="), ends]];
}

/** Another VM's address: those with an odd number; the even ones are the host's ends. */
function beyondThePair(range: string): NftStatement[] {
  const source = field("ip", "saddr");
  return [match(source, prefix(range)), match({ "&": [source, "0.0.0.1"] }, "0.0.0.1")];
}

function outbound(table: Table, { slots }: SlotRulesOptions, rules: readonly DecidingRule[]): NftCommand[] {
  return [
    table.rule("egress", match(field("ip", "daddr"), "@peers"), goto("network")),
    ...slots.map((range) => table.rule("egress", match(field("ip", "daddr"), prefix(range)), goto("others"))),
    ...rules.flatMap((rule, index) =>
      ruleMatches(rule, index).map((when) => table.rule("egress", ...when, goto(`rule${index}`))),
    ),
  ];
}

/** The packets a rule is about, as alternatives. */
function ruleMatches(rule: DecidingRule, index: number): NftStatement[][] {
  const ports = transportMatches(rule);
  return addressMatches(rule, index).flatMap((address) => ports.map((port) => [...address, ...port]));
}

function transportMatches({ protocol, ports }: DecidingRule): NftStatement[][] {
  if (ports === undefined) return [protocol === undefined ? [] : [match(meta("l4proto"), protocol)]];
  const [first, last] = ports;
  const range = first === last ? first : { range: [first, last] };
  return [protocol ?? ["tcp", "udp"]].flat().map((name) => [match(field(name, "dport"), range)]);
}

function addressMatches({ addresses, domain }: DecidingRule, index: number): NftStatement[][] {
  const destination = { v4: field("ip", "daddr"), v6: field("ip6", "daddr") };
  const named = (set: string) => [[match(destination.v4, `@${set}4`)], [match(destination.v6, `@${set}6`)]];
  if (domain) return named(`names${index}_`);
  if (addresses === undefined) return [[]];
  if (addresses === "host") return named("host");
  return (["v4", "v6"] as const)
    .filter((family) => addresses[family].length > 0)
    .map((family) => [match(destination[family], oneOf(addresses[family].map(prefix)))]);
}

/** Sets that the answers to names fill, for as long as each may be used. A name that is denied has no addresses. */
function nameSets(table: Table, rules: readonly DecidingRule[]): NftCommand[] {
  const names = { flags: ["timeout"], size: NAMES_MAX } as const;
  return rules.flatMap(({ domain }, index) =>
    domain
      ? [
          table.set(`names${index}_4`, { type: "ipv4_addr", ...names }),
          table.set(`names${index}_6`, { type: "ipv6_addr", ...names }),
        ]
      : [],
  );
}

function hostSets(table: Table, host: readonly string[]): NftCommand[] {
  const [v4, v6] = [host.filter((one) => !one.includes(":")), host.filter((one) => one.includes(":"))];
  return [
    table.set("host4", { type: "ipv4_addr", ...elements(v4) }),
    table.set("host6", { type: "ipv6_addr", ...elements(v6) }),
  ];
}

/** nft takes no empty list of elements. */
function elements(elem: readonly string[]): { elem?: readonly string[] } {
  return elem.length === 0 ? {} : { elem };
}
