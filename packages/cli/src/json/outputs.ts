import {
  CleanupReport,
  EventRecord,
  ExecExit,
  FileEntry,
  FileEvent,
  ImageDetails,
  ImageHistoryEntry,
  ImageInfo,
  ImageRemoval,
  NetworkDecision,
  PoolInfo,
  SnapshotDetails,
  SnapshotInfo,
  VmEnd,
  VmInfo,
  VmStats,
} from "@bandsox/contract";
import { z } from "zod";

/** What a command prints with `--json`. */
export interface JsonOutput {
  readonly schema: z.ZodType;
  /** Whether it is printed again and again, a line each, instead of once */
  readonly isLines?: true;
}

const once = (schema: z.ZodType): JsonOutput => ({ schema });
const lines = (schema: z.ZodType): JsonOutput => ({ schema, isLines: true });

const Executed = ExecExit.extend({
  /** Id of the VM; with `run` one that is gone */
  vm: z.string(),
  stdout: z.string(),
  stderr: z.string(),
  /** Both streams in the order they arrived */
  output: z.string(),
  /** Whether output beyond 16 MiB of a stream was dropped */
  truncated: z.boolean(),
});

const Doctor = z.object({
  checks: z.array(
    z.object({
      id: z.string(),
      ok: z.boolean(),
      level: z.enum(["required", "advised"]),
      found: z.string(),
      remedy: z.string().optional(),
    }),
  ),
  canRunVms: z.boolean(),
});

const Measured = z.object({
  /** The machine and the commit, as they were before the run */
  host: z.record(z.string(), z.json()),
  vm: z.object({ engine: z.string(), transport: z.string().optional(), isEmulated: z.boolean() }),
  quick: z.boolean(),
  figures: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      value: z.number(),
      unit: z.string(),
      beside: z.object({ name: z.string(), value: z.number(), ratio: z.number() }).optional(),
      samples: z.array(z.number()).optional(),
    }),
  ),
});

const Verified = z.object({
  name: z.string(),
  result: z.enum(["ok", "skipped", "failed"]),
  durationMs: z.number(),
  /** What it said last: why it failed, or was skipped */
  said: z.string(),
});

const Top = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  /** Of one processor: two busy ones are 200 */
  cpuPercent: z.number().optional(),
  memUsedBytes: z.number().optional(),
  memTotalBytes: z.number().optional(),
  diskUsedBytes: z.number().optional(),
  rxBytesPerSecond: z.number().optional(),
  txBytesPerSecond: z.number().optional(),
  processes: z.int().optional(),
  ageMs: z.number(),
});

const Skipped = z.object({ skipped: z.array(z.object({ path: z.string(), reason: z.string() })) });
const Read = z.object({
  path: z.string(),
  sizeBytes: z.int(),
  encoding: z.enum(["utf8", "base64"]),
  content: z.string(),
});
const Forwarded = z.object({ vm: z.string(), address: z.string(), port: z.int(), guest: z.int() });
const Shown = ExecExit.partial().extend({ vm: z.string(), session: z.string(), isDetached: z.boolean() });

const Credentials = z.object({ password: z.string(), key: z.string(), keyId: z.string() });

const Key = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.string(),
  /** Of all its VMs together; null for no limit */
  maxVms: z.int().nullable(),
  maxMemoryMib: z.int().nullable(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  expiresAt: z.string().nullable(),
});

/** Names of what several commands print. */
export const NAMED = {
  VmInfo,
  VmStats,
  VmEnd,
  SnapshotInfo,
  SnapshotDetails,
  PoolInfo,
  ImageInfo,
  ImageDetails,
  ImageRemoval,
  FileEntry,
  Executed,
} as const satisfies Record<string, z.ZodType>;

/** What each command prints with `--json`, by its name. Fields may be added; none is taken away or changed. */
export const OUTPUTS: Readonly<Record<string, JsonOutput>> = {
  init: once(
    z.object({
      kernelRelease: z.string().optional(),
      firecrackerVersion: z.string().optional(),
      cniDir: z.string().optional(),
      rootfsDigest: z.string().optional(),
    }),
  ),
  doctor: once(Doctor),
  verify: once(z.array(Verified)),
  bench: once(Measured),
  version: once(z.object({ version: z.string(), node: z.string(), platform: z.string() })),
  completion: once(z.object({ shell: z.string(), script: z.string() })),
  run: once(Executed),
  create: once(VmInfo),
  exec: once(Executed),
  terminal: once(Shown),
  logs: lines(z.object({ line: z.string() })),
  stats: once(VmStats),
  "stats --watch": lines(VmStats),
  top: once(z.array(Top)),
  "port-forward": lines(Forwarded),
  cp: once(Skipped),
  ls: once(z.array(FileEntry)),
  cat: once(z.array(Read)),
  watch: lines(FileEvent),
  events: lines(EventRecord),
  why: once(VmEnd.nullable()),
  "vm why": once(VmEnd.nullable()),
  cleanup: once(CleanupReport),
  "vm list": once(z.array(VmInfo)),
  "vm info": once(VmInfo),
  "vm start": once(z.array(VmInfo)),
  "vm restart": once(z.array(VmInfo)),
  "vm pause": once(z.array(VmInfo)),
  "vm resume": once(z.array(VmInfo)),
  "vm stop": once(z.array(VmInfo)),
  "vm delete": once(z.array(VmInfo)),
  "vm rename": once(VmInfo),
  "vm metadata": once(z.record(z.string(), z.json())),
  "vm limits": once(z.array(VmInfo)),
  "vm network": lines(NetworkDecision),
  "vm fork": once(z.array(VmInfo)),
  "vm grow": once(VmInfo),
  "vm reclaim": once(z.object({ id: z.string(), reclaimMib: z.int().min(0) })),
  "vm save": once(SnapshotInfo),
  "snapshot create": once(SnapshotInfo),
  "snapshot list": once(z.array(SnapshotInfo)),
  "snapshot info": once(SnapshotDetails),
  "snapshot export": once(z.object({ file: z.string() })),
  "snapshot import": once(SnapshotInfo),
  "snapshot push": once(z.object({ digest: z.string() })),
  "snapshot pull": once(SnapshotInfo),
  "auth init": once(Credentials.nullable()),
  "auth set-password": once(z.object({ replaced: z.literal(true) })),
  "auth create-key": once(z.object({ key: z.string(), keyId: z.string() })),
  "auth list-keys": once(z.array(Key)),
  "auth revoke-key": once(z.object({ id: z.string() })),
  serve: once(z.object({ url: z.string(), storageDir: z.string(), credentials: Credentials.optional() })),
  "pool set": once(PoolInfo),
  "pool list": once(z.array(PoolInfo)),
  "pool fill": once(z.array(PoolInfo)),
  "pool remove": once(z.object({ removed: z.string() })),
  "snapshot restore": once(z.array(VmInfo)),
  "snapshot rollback": once(VmInfo),
  "snapshot rename": once(SnapshotInfo),
  "snapshot delete": once(z.array(SnapshotDetails)),
  "image pull": once(z.array(ImageInfo)),
  "image import": once(ImageInfo),
  "image build": once(ImageInfo.extend({ name: z.string() })),
  "image list": once(z.array(ImageInfo)),
  "image inspect": once(z.array(ImageDetails)),
  "image history": once(z.array(ImageHistoryEntry)),
  "image remove": once(z.array(ImageRemoval)),
  "image prune": once(ImageRemoval),
};

/** What a command prints on stderr, with `--json`, when it fails. */
export const JSON_ERROR = z.object({
  error: z.object({
    /** One of the error table's, or `internal` */
    code: z.string(),
    message: z.string(),
    /** What to do next */
    hint: z.string().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});
