import type { Egress, NetworkDecision } from "@bandsox/contract";

/** The rule that would have let through what was denied: the name that was asked for, or the address and its port. */
export function ruleFor({ name, address, port, protocol }: NetworkDecision): string | undefined {
  if (name !== undefined) return name;
  if (address === undefined) return undefined;
  const host = address.includes(":") ? `[${address}]` : address;
  const scheme = protocol === "tcp" || protocol === "udp" ? `${protocol}://` : "";
  return port === undefined ? host : `${scheme}${host}:${port}`;
}

/** A policy that lets a rule through as well. What decided before goes on deciding everything else. */
export function withAllowed(egress: Egress, rule: string): Egress {
  if (typeof egress === "string") return { preset: egress, allow: [rule], deny: [] };
  const { preset = egress.allow.length > 0 ? "none" : "public", allow, deny } = egress;
  return { preset, allow: [...new Set([...allow, rule])], deny: deny.filter((one) => one !== rule) };
}
