import { type Egress, type EgressPreset, type EgressTarget, parseEgressRule } from "@bandsox/contract";

/** One rule on what a guest may connect to, in the order they are looked at; the first that fits decides. */
export interface DecidingRule {
  readonly verdict: "allow" | "deny";
  /** As the user wrote it, or what a preset calls it; the log of decisions names it */
  readonly label: string;
  /** Any of these addresses; `host` is this machine's own; without a list, all */
  readonly addresses?: { readonly v4: readonly string[]; readonly v6: readonly string[] } | "host";
  /** A name whose addresses, as far as the guest was told them, it is about */
  readonly domain?: { readonly name: string; readonly subdomains: boolean };
  readonly protocol?: "tcp" | "udp" | undefined;
  readonly ports?: readonly [number, number] | undefined;
}

/** Addresses that are not the Internet's, by what they are called. */
export const NOT_PUBLIC = {
  "private addresses": {
    v4: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "192.0.0.0/24"],
    v6: ["fc00::/7"],
  },
  "link-local addresses": { v4: ["169.254.0.0/16"], v6: ["fe80::/10"] },
  "reserved addresses": {
    v4: ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"],
    // Those with an IPv4 address inside lead around the rules for that.
    v6: [
      "::/96",
      "::ffff:0.0.0.0/96",
      "64:ff9b::/96",
      "64:ff9b:1::/48",
      "2002::/16",
      "fec0::/10",
      "ff00::/8",
    ],
  },
} as const;

/** A policy as rules in the order they decide; the last decides about everything. */
export function egressRules(egress: Egress): DecidingRule[] {
  if (typeof egress === "string") return presetRules(egress);
  const { deny, allow } = egress;
  return [
    ...deny.map((text) => userRule("deny", text)),
    ...allow.map((text) => userRule("allow", text)),
    ...presetRules(presetOf(egress)),
  ];
}

/** What decides where no rule does. */
export function presetOf(egress: Egress): EgressPreset {
  if (typeof egress === "string") return egress;
  return egress.preset ?? (egress.allow.length > 0 ? "none" : "public");
}

function presetRules(preset: EgressPreset): DecidingRule[] {
  if (preset === "none") return [{ verdict: "deny", label: "none" }];
  if (preset === "open") return [{ verdict: "allow", label: "open" }];
  return [
    { verdict: "deny", label: "this host", addresses: "host" },
    ...Object.entries(NOT_PUBLIC).map(
      ([label, addresses]) => ({ verdict: "deny", label, addresses }) as const,
    ),
    { verdict: "allow", label: "public" },
  ];
}

function userRule(verdict: DecidingRule["verdict"], text: string): DecidingRule {
  const target = parseEgressRule(text);
  if (!target) throw new RangeError(`${text} is no rule`); // the contract has checked it
  const { protocol, ports } = target;
  return { verdict, label: text, protocol, ports, ...placeOf(target) };
}

function placeOf({ cidr, domain, subdomains }: EgressTarget): Pick<DecidingRule, "addresses" | "domain"> {
  if (domain !== undefined) return { domain: { name: domain, subdomains } };
  if (cidr === undefined) return {};
  return { addresses: cidr.includes(":") ? { v4: [], v6: [cidr] } : { v4: [cidr], v6: [] } };
}
