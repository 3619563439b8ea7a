import { z } from "zod";

const text = z.string();

/** The ways to fail that are the network's; part of `ERRORS`. */
export const NETWORK_ERRORS = {
  networking_unavailable: {
    status: 422,
    retryable: false,
    details: z.object({ reason: text }),
    hint: "create the VM without networking, or give this host what is named",
  },
  network_failed: {
    status: 500,
    retryable: true,
    details: z.object({ what: text, reason: text }),
    hint: "`bandsox doctor` checks what networks need of this machine",
  },
  network_not_found: {
    status: 404,
    retryable: false,
    details: z.object({ network: text, searched: text }),
    hint: "see which CNI networks are configured there",
  },
  network_missing: {
    status: 409,
    retryable: false,
    details: z.object({ vmId: text }),
    hint: "the VM has no network of its own; create it with networking",
  },
} as const;
