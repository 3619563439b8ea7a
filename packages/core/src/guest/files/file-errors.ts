import { BandSoxError, type ErrorCode, type VmId } from "@bandsox/contract";

/** The agent's codes (PROTOCOL.md §7) and ours. A code that is not here breaks the protocol. */
const CODES = {
  file_not_found: "file_not_found",
  is_directory: "is_directory",
  not_directory: "not_directory",
  file_exists: "file_exists",
  directory_not_empty: "directory_not_empty",
  permission_denied: "file_permission_denied",
  read_only: "file_read_only",
  no_space: "guest_disk_full",
  path_invalid: "path_invalid",
  file_changed: "file_changed",
  offset_wrong: "file_changed",
  checksum_mismatch: "file_checksum_mismatch",
  file_failed: "file_failed",
  archive_invalid: "archive_invalid",
  watch_not_found: "watch_not_found",
} as const satisfies Record<string, ErrorCode>;

/** What was attempted, on which file of which VM: the start of every message. */
export interface FileTask {
  readonly vmId: VmId;
  readonly path: string;
  /** In words, e.g. `read` */
  readonly doing: string;
}

/** The agent's refusal in our words; `undefined` when its code is none of a file's. */
export function guestFileError(
  task: FileTask,
  problem: { code: string; message: string },
): BandSoxError | undefined {
  if (!Object.hasOwn(CODES, problem.code)) return undefined;
  return fileError(CODES[problem.code as keyof typeof CODES], task, problem.message);
}

/** An error about a file of a guest. */
export function fileError(
  code: (typeof CODES)[keyof typeof CODES],
  { vmId, path, doing }: FileTask,
  why: string,
  cause?: unknown,
): BandSoxError {
  return new BandSoxError(code, `cannot ${doing} ${path} in ${vmId}: ${why}`, { path, vmId }, { cause });
}

const HOST_CODES: Record<
  string,
  "file_not_found" | "is_directory" | "not_directory" | "path_invalid" | "file_exists"
> = {
  ENOENT: "file_not_found",
  EISDIR: "is_directory",
  ENOTDIR: "not_directory",
  EEXIST: "file_exists",
  ELOOP: "path_invalid",
  ENAMETOOLONG: "path_invalid",
};

/** An error of this host's file system in our words; other errors stay what they are. */
export function hostFileError(error: unknown, doing: string, path: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return error;
  const code = String(error.code);
  const message = `cannot ${doing} ${path} on this host: ${error.message}`;
  if (["EACCES", "EPERM", "EROFS"].includes(code))
    return new BandSoxError("permission_denied", message, { path }, { cause: error });
  if (["ENOSPC", "EDQUOT"].includes(code))
    return new BandSoxError("disk_full", message, { path }, { cause: error });
  return new BandSoxError(HOST_CODES[code] ?? "file_failed", message, { path }, { cause: error });
}
