import { z } from "zod";

const text = z.string();
const snapshot = z.object({ snapshotId: text });

/** The ways to fail at snapshots and pools; part of the table in `errors.ts`. */
export const SNAPSHOT_ERRORS = {
  snapshot_not_found: {
    status: 404,
    retryable: false,
    details: snapshot,
    hint: "list the snapshots with `bandsox snapshot list`",
  },
  snapshot_ambiguous: {
    status: 409,
    retryable: false,
    details: z.object({ reference: text, matches: z.array(text) }),
    hint: "give more of the id, or the whole name",
  },
  snapshot_name_taken: {
    status: 409,
    retryable: false,
    details: z.object({ name: text, snapshotId: text }),
    hint: "choose another name, or delete the snapshot that holds it",
  },
  snapshot_in_use: {
    status: 409,
    retryable: false,
    details: snapshot.extend({ clones: z.array(text) }),
    hint: "stop the VMs that go on from it, or force it: they go on running either way",
  },
  snapshot_incompatible: {
    status: 409,
    retryable: false,
    details: snapshot.extend({ reason: text }),
    hint: "restore it on the kind of machine, and with the engine, it was taken with",
  },
  snapshot_damaged: {
    status: 500,
    retryable: false,
    details: snapshot.extend({ path: text }),
    hint: "delete it; nothing can go on from it",
  },
  snapshot_invalid: {
    status: 422,
    retryable: false,
    details: z.object({ reference: text }),
    hint: "it was cut short or changed, or is no snapshot: export or push it again where it came from",
  },
  pool_not_found: {
    status: 404,
    retryable: false,
    details: z.object({ reference: text }),
    hint: "list the pools with `bandsox pool list`",
  },
  snapshots_unavailable: {
    status: 422,
    retryable: false,
    details: z.object({ engine: text }),
    hint: "use an engine that can save machines; `bandsox doctor` tells which there are",
  },
} as const;
