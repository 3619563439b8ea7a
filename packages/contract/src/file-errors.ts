import { z } from "zod";

const text = z.string();
/** A file of the guest, or of this host when no VM is named */
const file = z.object({ path: text, vmId: text.optional() });

/** The ways to fail at files; part of the table in `errors.ts`. */
export const FILE_ERRORS = {
  file_not_found: {
    status: 404,
    retryable: false,
    details: file,
    hint: "check the path; in a guest `bandsox ls <vm>:<directory>` shows what is there",
  },
  is_directory: {
    status: 409,
    retryable: false,
    details: file,
    hint: "name a file, or use the call for directories",
  },
  not_directory: {
    status: 409,
    retryable: false,
    details: file,
    hint: "some part of the path is a file where a directory is needed",
  },
  file_exists: {
    status: 409,
    retryable: false,
    details: file,
    hint: "remove it first, or ask for it to be replaced",
  },
  directory_not_empty: {
    status: 409,
    retryable: false,
    details: file,
    hint: "ask for the directory to be removed with everything in it",
  },
  file_permission_denied: {
    status: 403,
    retryable: false,
    details: file,
    hint: "the guest's kernel refuses this even to root; look at the file's attributes and its mount",
  },
  file_read_only: {
    status: 403,
    retryable: false,
    details: file,
    hint: "the file system is mounted read-only; write elsewhere",
  },
  guest_disk_full: {
    status: 507,
    retryable: false,
    details: file,
    hint: "free space in the guest, or create the VM with a larger --disk-size",
  },
  path_invalid: {
    status: 400,
    retryable: false,
    details: file,
    hint: "give an absolute path without NUL, over-long names and loops of links",
  },
  file_changed: {
    status: 412,
    retryable: true,
    details: file,
    hint: "the file changed while it was transferred; nothing was kept, try again",
  },
  file_checksum_mismatch: {
    status: 422,
    retryable: true,
    details: file,
    hint: "the bytes arrived damaged; nothing was kept, try again",
  },
  file_too_large: {
    status: 413,
    retryable: false,
    details: file.extend({ limitBytes: z.number() }),
    hint: "raise `maxBytes`, or stream the file instead of keeping it in memory",
  },
  too_many_files: {
    status: 413,
    retryable: false,
    details: file.extend({ limit: z.number() }),
    hint: "raise `maxEntries`, or work on a part of the tree",
  },
  file_failed: {
    status: 422,
    retryable: false,
    details: file,
    hint: "the message has the reason the file's system gave",
  },
  archive_invalid: {
    status: 400,
    retryable: false,
    details: file,
    hint: "the archive is damaged, or names what lies outside its destination; it is not to be trusted",
  },
  watch_not_found: {
    status: 404,
    retryable: true,
    details: file,
    hint: "the watch has ended; start another and look at the files again",
  },
} as const;
