import type { SQLOutputValue } from "node:sqlite";
import { type SnapshotId, type VmId, VmSpec, VmState } from "@bandsox/contract";
import { z } from "zod";
import { Deadline } from "../host/moment.ts";
import { ImageConfig } from "../image/image-config.ts";
import { type Parsed, parsedText } from "./parsed-text.ts";

/** A VM as the database knows it. */
export interface VmRecord {
  readonly id: VmId;
  readonly name: string;
  readonly state: VmState;
  readonly spec: VmSpec;
  readonly engine: string;
  readonly imageDigest?: string | undefined;
  readonly imageConfig?: ImageConfig | undefined;
  /** What the machine was started from, by the names they had then; they tell what a save of it can go on with */
  readonly bootFiles?: BootFilePaths | undefined;
  readonly snapshotId?: SnapshotId | undefined;
  readonly failure?: string | undefined;
  /** When its time is over */
  readonly deadline?: Deadline | undefined;
  /** The limit it was paused by */
  readonly pausedBy?: LimitCause | undefined;
  /** What cannot be read in its row; `spec` is then not what the user asked for, and all it is good for is to be deleted */
  readonly damage?: string | undefined;
  readonly createdAt: string;
}

export const LimitCause = z.enum(["timeout", "idle"]);
export type LimitCause = z.infer<typeof LimitCause>;

export const BootFilePaths = z.object({ vmlinuxPath: z.string(), initramfsPath: z.string() });
export type BootFilePaths = z.infer<typeof BootFilePaths>;

type Row = Record<string, SQLOutputValue>;

const [parseSpec, parseImageConfig] = [parsedText(VmSpec), parsedText(ImageConfig)];
const [parseBootFiles, parseDeadline] = [parsedText(BootFilePaths), parsedText(Deadline)];

/** Stands where a spec cannot be read. */
const UNKNOWN_SPEC = VmSpec.parse({ image: "unknown" });

/**
 * A row of the `vms` table as a record. One that is damaged is a record all the same, which says so: a single row must
 * not take the list of all VMs away, its processes and its image still have an owner, and it can be deleted.
 */
export function toVmRecord(row: Row | undefined): VmRecord | undefined {
  if (!row) return undefined;
  const damaged: string[] = [];
  const read = <T>(column: string, parse: (text: string) => Parsed<T>): T | undefined => {
    const text = textIn(row, column);
    const parsed = text === undefined ? undefined : parse(text);
    if (parsed && !parsed.success) damaged.push(column);
    return parsed?.data;
  };
  const state = VmState.safeParse(row.state).data ?? damagedState(damaged);
  const spec = read("spec", parseSpec) ?? UNKNOWN_SPEC;
  const [imageConfig, bootFiles] = [
    read("image_config", parseImageConfig),
    read("boot_files", parseBootFiles),
  ];
  const deadline = read("deadline", parseDeadline);
  const damage =
    damaged.length === 0 ? undefined : `its ${damaged.join(", ")} in the database cannot be read`;
  return {
    ...{ id: String(row.id) as VmId, name: String(row.name), engine: String(row.engine) },
    ...{ state, spec, imageConfig, bootFiles, damage },
    imageDigest: textIn(row, "image_digest"),
    snapshotId: textIn(row, "snapshot_id") as SnapshotId | undefined,
    failure: damage ?? textIn(row, "failure"),
    deadline,
    pausedBy: LimitCause.safeParse(row.paused_by).data,
    createdAt: String(row.created_at),
  };
}

function damagedState(damaged: string[]): VmState {
  damaged.push("state");
  return "failed";
}

function textIn(row: Row, column: string): string | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : String(value);
}
