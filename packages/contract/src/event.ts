import { z } from "zod";
import { VmId } from "./vm-id.ts";

const text = z.string();
const none = z.object({});

/** Everything that is written down when it happens, and what is told of it, in one table. Types are stable. */
export const EVENTS = {
  "vm.created": z.object({ image: text, engine: text }),
  /** It runs, from its image or its disk */
  "vm.started": none,
  /** It runs, as a VM of its own, where a snapshot was taken */
  "vm.restored": z.object({ snapshotId: text }),
  /** It is again what it was when a snapshot was taken */
  "vm.rolled_back": z.object({ snapshotId: text }),
  "vm.start_failed": none,
  /** `cause` is `timeout` or `idle` when a limit paused it */
  "vm.paused": z.object({ cause: text.optional() }),
  "vm.resumed": none,
  "vm.forked": z.object({ children: z.array(text) }),
  "vm.renamed": z.object({ from: text }),
  "vm.metadata_replaced": none,
  "vm.limits_changed": none,
  "vm.stopped": z.object({ cause: text }),
  "vm.died": z.object({ cause: text, failure: text }),
  "vm.deleted": none,
  "snapshot.created": z.object({ snapshotId: text, name: text }),
  "snapshot.deleted": z.object({ snapshotId: text, name: text }),
  /** `command` is cut off after some hundred characters */
  "exec.started": z.object({ execId: text, command: text }),
  /** `exitCode` is absent when the client left, or the guest was gone, before the command's end */
  "exec.ended": z.object({ execId: text, exitCode: z.int().optional(), durationMs: z.number() }),
  "session.started": z.object({ sessionId: text, command: text, terminal: z.boolean() }),
  "storage.cleaned": z.object({ removed: z.record(text, z.int()) }),
} as const satisfies Record<string, z.ZodObject>;

export const EventType = z.enum(Object.keys(EVENTS) as [EventType, ...EventType[]]);
export type EventType = keyof typeof EVENTS;
export type EventDetails<T extends EventType> = z.infer<(typeof EVENTS)[T]>;

/** What a caller says of something that happened. */
export type NewEvent = {
  [T in EventType]: {
    readonly type: T;
    readonly vmId?: VmId | undefined;
    readonly vmName?: string | undefined;
    readonly details: EventDetails<T>;
  };
}[EventType];

/** Something that happened in a storage. */
export type BandSoxEvent = NewEvent & {
  /** Counts up by one; a jump means that the events between were pruned */
  readonly seq: number;
  /** ISO 8601 */
  readonly at: string;
};

/** A `BandSoxEvent` as it travels. */
export const EventRecord = z.object({
  seq: z.int(),
  at: text,
  type: EventType,
  vmId: VmId.optional(),
  vmName: text.optional(),
  details: z.record(text, z.json()),
});

/** Which events, and from where on. */
export const EventQuery = z.strictObject({
  /**
   * The `seq` of the last event known: what came after it follows. `now` leaves out what has happened already (default:
   * `0`, all that is kept)
   */
  since: z.union([z.int().min(0), z.literal("now")]).default(0),
  /** Whether to go on with what happens, until interrupted (default: `true`) */
  follow: z.boolean().default(true),
  /** Only of the VM with this id or, at the time, this name; it may be gone */
  vm: text.max(256).optional(),
  /** Only of these types (default: all) */
  types: z.array(EventType).max(64).optional(),
});
export type EventQuery = z.infer<typeof EventQuery>;
export type EventQueryInput = z.input<typeof EventQuery>;
