// cleaning up
export { CleanupReport, Leftover } from "./cleanup.ts";
// errors

// networking
export { type EgressTarget, parseEgressRule } from "./egress-rule.ts";
export {
  BandSoxError,
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  isAnyBandSoxError,
  isBandSoxError,
} from "./errors.ts";
// events
export {
  type BandSoxEvent,
  EVENTS,
  type EventDetails,
  EventQuery,
  type EventQueryInput,
  EventRecord,
  EventType,
  type NewEvent,
} from "./event.ts";
// exec
export { type ExecEvent, ExecExit, type ExecResult, ExecSpec } from "./exec.ts";
// files
export {
  FileEntry,
  FileEvent,
  FileMode,
  FileOwner,
  FileType,
  Globs,
  GuestPath,
  type TransferProgress,
  type TreeResult,
} from "./files.ts";
export { globToRegExp } from "./glob.ts";
export { ARGUMENT_MAX_BYTES } from "./guest-string.ts";
// health
export { GuestProcess, GuestStats, OomKill, VmmStats, VmStats } from "./health.ts";
// images
export { ImageDetails, ImageHistoryEntry, ImageInfo, ImageRemoval, ImageUsage } from "./image.ts";
export {
  Egress,
  type EgressInput,
  EgressPreset,
  NetworkDecision,
  NetworkInfo,
  Networking,
  NetworkName,
  NetworkSpec,
  type NetworkSpecInput,
  PublishedPort,
} from "./networking.ts";
// input
export { parseInput } from "./parse.ts";
// pools
export { PoolId, PoolInfo, PoolShape, PoolSpec, type PoolSpecInput } from "./pool.ts";
// sessions
export { type PythonEvent, type PythonListeners, type PythonResult, pythonResult } from "./python.ts";
export {
  type SessionEvent,
  SessionGap,
  SessionId,
  SessionInfo,
  SessionSpec,
  type SessionStream,
  TerminalSize,
} from "./session.ts";
// snapshots
export {
  RestoreSpec,
  SnapshotDetails,
  SnapshotId,
  SnapshotInfo,
  SnapshotKind,
  SnapshotName,
  SnapshotSpec,
} from "./snapshot.ts";
// VMs
export { Transport, VmFilter, VmInfo } from "./vm.ts";
export { END_CAUSES, END_CONSOLE_BYTES, EndCause, VmEnd, VmEndSummary } from "./vm-end.ts";
export { ID_ALPHABET, VmId, VmName } from "./vm-id.ts";
export { Idleness, LimitAction, LimitsPatch } from "./vm-limits.ts";
export { Env, Metadata, MetadataPatch, VM_LIMITS, VmSpec, type VmSpecInput } from "./vm-spec.ts";
export { MOVES, nextState, statesAllowing, type VmAction, VmState } from "./vm-state.ts";
