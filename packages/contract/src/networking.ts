import { z } from "zod";
import { parseEgressRule } from "./egress-rule.ts";

const RULES_MAX = 256;
const PORTS_MAX = 64;
const PORT_MAX = 65_535;

const port = z
  .int("a port is a whole number")
  .min(1, "a port is at least 1")
  .max(PORT_MAX, `a port is at most ${PORT_MAX}`);

/** Where a guest may connect to, or may not: `10.0.0.0/8`, `203.0.113.7:443`, `*.example.com`, `tcp://*:22`. */
export const EgressRule = z
  .string()
  .toLowerCase()
  .refine(
    (text) => parseEgressRule(text) !== undefined,
    "a rule is [tcp://|udp://]where[:port[-port]], where: an address, a network, a domain, *.domain or *",
  );

/**
 * What a guest may connect to when no rule of its own decides. `none`: nothing. `public`: the Internet, but no private
 * or link-local address, nothing of this host's. `open`: everything but other VMs.
 */
export const EgressPreset = z.enum(["none", "public", "open"]);
export type EgressPreset = z.infer<typeof EgressPreset>;

const rules = z.array(EgressRule).max(RULES_MAX, `at most ${RULES_MAX} rules`);
const EgressRules = z.strictObject({
  /** What decides where no rule does (default: `none` when something is allowed by `allow`, else `public`) */
  preset: EgressPreset.optional(),
  /** Looked at after `deny` */
  allow: rules.default([]),
  /** Looked at first */
  deny: rules.default([]),
});

/** A policy on what a guest may connect to: a preset, or rules and a preset. */
export const Egress = z.union([EgressPreset, EgressRules]);
export type Egress = z.infer<typeof Egress>;
export type EgressInput = z.input<typeof Egress>;

/** A port of the host that leads into a guest while it runs. */
export const PublishedPort = z.strictObject({
  guest: port,
  /** Port of this machine; `0`: any free one (default: `0`) */
  host: z.literal(0).or(port).default(0),
  /** Address of this machine to listen at (default: `127.0.0.1`) */
  address: z.union([z.ipv4(), z.ipv6()]).default("127.0.0.1"),
});
export type PublishedPort = z.infer<typeof PublishedPort>;

/** The name of a private network, which VMs with the same name share. */
export const NetworkName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a network's name has 1 to 32 lower-case letters, digits and hyphens");

const mbit = z
  .number()
  .min(0.064, "a bandwidth is at least 0.064 Mbit/s")
  .max(100_000, "a bandwidth is at most 100000 Mbit/s");

/** The network of a guest. */
export const NetworkSpec = z.strictObject({
  /** What the guest may connect to (default: `public`) */
  egress: Egress.default("public"),
  /** The most the guest can receive and send, in Mbit/s (default: no limit) */
  bandwidth: z.strictObject({ downMbit: mbit.optional(), upMbit: mbit.optional() }).default({}),
  /** Ports of this machine that lead into the guest */
  ports: z.array(PublishedPort).max(PORTS_MAX, `at most ${PORTS_MAX} ports`).default([]),
  /** Private networks the guest is in: it reaches the other VMs in them, and they it, by name */
  networks: z.array(NetworkName).max(8, "at most 8 private networks").default([]),
  /** A CNI network to attach the guest to, in place of BandSox's own */
  cni: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
      "a CNI network's name has 1 to 64 letters, digits, `_`, `.`, `-`",
    )
    .optional(),
  /**
   * `slot`: a network identity of the VM's own, with all of the above; needs root. `user`: connections are made by the
   * VMM as the user it runs as, wherever that user may connect to, this machine's own services included; no rules, no
   * limits, no private networks (default: `slot`)
   */
  mode: z.enum(["slot", "user"]).default("slot"),
});
export type NetworkSpec = z.infer<typeof NetworkSpec>;
export type NetworkSpecInput = z.input<typeof NetworkSpec>;

/** Whether a guest has a network, and which: `true` is `{}`, all of it as by default. */
export const Networking = z.union([z.boolean(), NetworkSpec]);
export type Networking = z.infer<typeof Networking>;

/** The network of a VM that runs. */
export const NetworkInfo = z.object({
  mode: z.enum(["slot", "user", "cni"]),
  /** Where this machine reaches the guest; every VM has another */
  address: z.string().optional(),
  address6: z.string().optional(),
  /** The guest's own address, the same in every VM */
  guestAddress: z.string(),
  egress: Egress,
  ports: z.array(PublishedPort),
  networks: z.array(z.string()),
});
export type NetworkInfo = z.infer<typeof NetworkInfo>;

/** One decision about the network of a guest. */
export const NetworkDecision = z.object({
  /** ISO 8601 */
  at: z.string(),
  verdict: z.enum(["allow", "deny"]),
  /** The rule that decided: one of the policy's, as it is written there, or the name of a preset's */
  rule: z.string(),
  kind: z.enum(["connection", "inbound", "name"]),
  protocol: z.string(),
  /** Where to, or where from an inbound connection comes */
  address: z.string().optional(),
  port: z.int().optional(),
  /** The name that was asked for */
  name: z.string().optional(),
  /** What it resolved to, as far as the guest was told */
  addresses: z.array(z.string()).optional(),
});
export type NetworkDecision = z.infer<typeof NetworkDecision>;
