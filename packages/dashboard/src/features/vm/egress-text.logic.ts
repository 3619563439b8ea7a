import type { NetworkInfo } from "@bandsox/contract";

const PRESETS = {
  none: "to nowhere",
  public: "to the Internet, and nothing of this host's networks",
  open: "to everything but other VMs",
} as const;

/** What a guest may connect to, in words. */
export function egressText(egress: NetworkInfo["egress"]): string {
  if (typeof egress === "string") return PRESETS[egress];
  const { preset, allow, deny } = egress;
  const rest = preset ?? (allow.length > 0 ? "none" : "public");
  return [
    ...(deny.length > 0 ? [`not to ${deny.join(", ")}`] : []),
    ...(allow.length > 0 ? [`to ${allow.join(", ")}`] : []),
    rest === "none" && allow.length > 0 ? "else nowhere" : PRESETS[rest],
  ].join("; ");
}
