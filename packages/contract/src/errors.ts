import { z } from "zod";
import { API_ERRORS } from "./api-errors.ts";
import { FILE_ERRORS } from "./file-errors.ts";
import { IMAGE_ERRORS } from "./image-errors.ts";
import { NETWORK_ERRORS } from "./network-errors.ts";
import { SNAPSHOT_ERRORS } from "./snapshot-errors.ts";

const text = z.string();
const vm = z.object({ vmId: text });
const none = z.object({});
const session = z.object({ vmId: text, sessionId: text });

/** One way to fail: what HTTP answers, whether repeating the same call can succeed, and what travels with it. */
interface ErrorRow {
  readonly status: number;
  readonly retryable: boolean;
  readonly details: z.ZodType;
  /** What the person who sees the error can do next; one sentence without a period */
  readonly hint: string;
}

/** Every failure a caller can act on, in one table. Codes are stable: callers match on them. */
export const ERRORS = {
  invalid_argument: {
    status: 422,
    retryable: false,
    details: z.object({ field: text, found: z.unknown() }),
    hint: "correct the named value and call again",
  },
  vm_not_found: { status: 404, retryable: false, details: vm, hint: "list the VMs with `bandsox vm list`" },
  vm_ambiguous: {
    status: 409,
    retryable: false,
    details: z.object({ reference: text, matches: z.array(text) }),
    hint: "give more of the id, or the whole name",
  },
  vm_name_taken: {
    status: 409,
    retryable: false,
    details: z.object({ name: text, vmId: text }),
    hint: "choose another name, or delete the VM that holds it",
  },
  vm_wrong_state: {
    status: 409,
    retryable: false,
    details: z.object({ vmId: text, state: text, wanted: z.array(text) }),
    hint: "look at its state with `bandsox vm list`",
  },
  vm_ended: {
    status: 410,
    retryable: false,
    details: z.object({ vmId: text, cause: text, summary: text, advice: text }),
    hint: "`bandsox why <vm>` shows its console and what else is known of its end",
  },
  vm_damaged: {
    status: 500,
    retryable: false,
    details: vm,
    hint: "delete the VM, or put the database back from a copy",
  },
  vm_start_failed: {
    status: 500,
    retryable: true,
    details: z.object({ vmId: text, stage: text, console: text }),
    hint: "the last console lines are in the details; `bandsox doctor` checks what this machine lacks",
  },
  vmm_refused: {
    status: 500,
    retryable: false,
    details: z.object({ request: text, fault: text, status: z.int().optional() }),
    hint: "the VMM's own words are in the message; its log is beside the VM's console",
  },
  vm_control_failed: {
    status: 500,
    retryable: true,
    details: z.object({ action: text, path: text }),
    hint: "the VM is as it was; look at its logs, and try again",
  },
  vm_stop_failed: {
    status: 500,
    retryable: true,
    details: z.object({ vmId: text, pid: z.number() }),
    hint: "see what holds the named process; once it is gone, call again",
  },
  guest_unreachable: {
    status: 504,
    retryable: true,
    details: vm,
    hint: "the guest did not answer; its console log may say why",
  },
  guest_protocol: {
    status: 502,
    retryable: false,
    details: vm,
    hint: "the agent in the guest broke the protocol; stop the VM and create another",
  },
  guest_outdated: {
    status: 501,
    retryable: false,
    details: vm,
    hint: "use the version of this program the guest was made with, or create the VM again",
  },
  exec_not_started: {
    status: 422,
    retryable: false,
    details: z.object({ vmId: text, command: text }),
    hint: "check the command, its working directory and its user against what the image holds",
  },
  exec_busy: {
    status: 429,
    retryable: true,
    details: vm,
    hint: "too many commands run in this VM at the same time; call again when one has ended",
  },
  exec_failed: {
    status: 500,
    retryable: true,
    details: z.object({ vmId: text, command: text }),
    hint: "the guest lacks something, as memory or processes; look at its `bandsox stats`",
  },
  session_not_found: {
    status: 404,
    retryable: false,
    details: session,
    hint: "list the VM's sessions; the oldest ended ones are forgotten, and a restart forgets all",
  },
  session_ended: {
    status: 409,
    retryable: false,
    details: session,
    hint: "its exit and its last output can still be read; start another session",
  },
  stdin_closed: {
    status: 409,
    retryable: false,
    details: session,
    hint: "start the session with `stdin: true`, and write before its stdin is closed",
  },
  not_a_terminal: {
    status: 409,
    retryable: false,
    details: session,
    hint: "only sessions started with a terminal have a size",
  },
  offset_ahead: {
    status: 416,
    retryable: false,
    details: session,
    hint: "attach at an offset the session has reached, or at `end`",
  },
  connect_failed: {
    status: 502,
    retryable: true,
    details: z.object({ vmId: text, address: text }),
    hint: "check that a program in the guest listens at this address",
  },
  port_unavailable: {
    status: 409,
    retryable: false,
    details: z.object({ address: text }),
    hint: "choose another port of this machine, or 0 for any free one",
  },
  http_request_failed: {
    status: 502,
    retryable: true,
    details: z.object({
      vmId: text,
      url: text,
      reason: z.enum(["timeout", "too_large", "redirect", "broken"]),
    }),
    hint: "look at the service in the guest; a limit on time or size can be raised in the call",
  },
  python_missing: {
    status: 422,
    retryable: false,
    details: vm,
    hint: "use an image that holds `python3`, e.g. python:3-alpine",
  },
  ...FILE_ERRORS,
  ...NETWORK_ERRORS,
  ...IMAGE_ERRORS,
  ...SNAPSHOT_ERRORS,
  ...API_ERRORS,
  disk_full: {
    status: 507,
    retryable: true,
    details: z.object({ path: text }),
    hint: "free space on the named file system",
  },
  output_failed: {
    status: 500,
    retryable: false,
    details: z.object({ path: text }),
    hint: "check where the output goes",
  },
  storage_unavailable: {
    status: 503,
    retryable: false,
    details: z.object({ path: text }),
    hint: "choose another directory with --storage or BANDSOX_STORAGE, or mend its permissions",
  },
  storage_closed: {
    status: 503,
    retryable: false,
    details: z.object({ path: text }),
    hint: "open the storage again; a closed one takes no more work",
  },
  storage_too_new: {
    status: 503,
    retryable: false,
    details: z.object({ path: text, found: z.number(), supported: z.number() }),
    hint: "use the BandSox version that wrote this storage, or a newer one",
  },
  kernel_missing: {
    status: 503,
    retryable: false,
    details: z.object({ path: text }),
    hint: "run `bandsox init`",
  },
  kernel_unavailable: {
    status: 502,
    retryable: true,
    details: z.object({ sources: z.array(text) }),
    hint: "give a kernel with `bandsox init --kernel-url <path or address>`",
  },
  rootfs_unavailable: {
    status: 502,
    retryable: true,
    details: z.object({ sources: z.array(text) }),
    hint: "give an ext4 disk or a tar with `bandsox init --rootfs-url <path or address>`",
  },
  checksum_mismatch: {
    status: 502,
    retryable: true,
    details: z.object({ source: text, expected: text, found: text }),
    hint: "the download is not what was promised; nothing was kept",
  },
  engine_unavailable: {
    status: 503,
    retryable: false,
    details: z.object({ engine: text, reason: text }),
    hint: "run `bandsox doctor` to see what this machine lacks",
  },
  tool_missing: {
    status: 503,
    retryable: false,
    details: z.object({ tool: text }),
    hint: "run `bandsox doctor` for the command that installs it",
  },
  tool_failed: {
    status: 500,
    retryable: true,
    details: z.object({ tool: text, output: text }),
    hint: "the tool's own words are in the details",
  },
  permission_denied: {
    status: 403,
    retryable: false,
    details: z.object({ path: text }),
    hint: "run as root, or give your user access",
  },
  interrupted: { status: 499, retryable: true, details: none, hint: "call again to continue" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetails<C extends ErrorCode> = z.infer<(typeof ERRORS)[C]["details"]>;

/** The one error class this project throws on purpose. Match on `code`, never on the class. */
export class BandSoxError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "BandSoxError";
  readonly code: C;
  readonly details: ErrorDetails<C>;

  constructor(code: C, message: string, details: ErrorDetails<C>, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** Whether repeating the same call can succeed. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** What to do next; one sentence without a period. */
  get hint(): string {
    return ERRORS[this.code].hint;
  }
}

/** Whether a thrown value is ours; two copies of this package recognise each other's errors. */
export function isAnyBandSoxError(error: unknown): error is BandSoxError {
  return (
    error instanceof Error && error.name === "BandSoxError" && "code" in error && `${error.code}` in ERRORS
  );
}

/** Narrows an unknown thrown value to one code, and so to that code's `details`; without a code to any of ours. */
export function isBandSoxError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is BandSoxError<C> {
  return isAnyBandSoxError(error) && (code === undefined || error.code === code);
}
