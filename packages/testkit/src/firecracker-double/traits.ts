import { z } from "zod";

/** What a double is told beside Firecracker's own command line: the version it plays, and what goes wrong with it. */
export const Traits = z.strictObject({
  version: z.string().default("1.16.1"),
  /** Never makes its API socket */
  withoutApi: z.boolean().default(false),
  /** Dies with SIGKILL when this request arrives, e.g. `PUT /drives/{id}` */
  diesAt: z.string().optional(),
  /** Refuses this request */
  refuses: z.string().optional(),
  /** It dies and refuses only while there is a file of this name (default: always) */
  armedBy: z.string().optional(),
  /** Loses the guest's side of vsock for good */
  losesVsock: z.enum(["on resume", "on restore"]).optional(),
  /** Directory of the Go helpers */
  binDir: z.string(),
});
export type Traits = z.infer<typeof Traits>;

/** The variable the traits come in. */
export const TRAITS_VARIABLE = "BANDSOX_FIRECRACKER_DOUBLE";
