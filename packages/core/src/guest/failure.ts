import { BandSoxError, isAnyBandSoxError, type VmId } from "@bandsox/contract";
import { z } from "zod";
import { printable } from "../host/printable.ts";
import type { CallLimit } from "./call-limit.ts";
import { FrameError } from "./frames.ts";
import { parseJson } from "./parse-json.ts";

const REASON_MAX_CHARACTERS = 1000;
const Problem = z.object({ code: z.string(), message: z.string() });

/** What an ordinary refusal of the guest means for one call, by the guest's code. */
export type Refusals = Readonly<Record<string, (message: string) => BandSoxError>>;

/** An answer that breaks a bound or the format it should have. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/** The guest did not answer, or its connection broke. */
export function guestUnreachable(vmId: VmId, why: string, cause?: unknown): BandSoxError {
  const message = `cannot reach the agent in ${vmId}: ${why}`;
  return new BandSoxError("guest_unreachable", message, { vmId }, { cause });
}

/** Whether the guest let the time pass that it was given: asked again at once, it would most likely take as long again. */
export function isLate(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.name === "TimeoutError";
}

/** The guest said what PROTOCOL.md does not allow. */
export function guestBroken(vmId: VmId, why: string, cause?: unknown): BandSoxError {
  const message = `the agent in ${vmId} broke the protocol: ${why}`;
  return new BandSoxError("guest_protocol", message, { vmId }, { cause });
}

/** The agent and this program are of versions that do not understand each other. */
export function guestOutdated(vmId: VmId, why: string): BandSoxError {
  return new BandSoxError("guest_outdated", `the agent in ${vmId} is of another version: ${why}`, { vmId });
}

/** What an agent answers, as HTTP servers do, to a call that it has never heard of. */
export const UNKNOWN_CALL_CODES: ReadonlySet<string> = new Set(["not_found", "method_not_allowed"]);

/** The work was called off by its caller. */
export function interrupted(vmId: VmId): BandSoxError {
  return new BandSoxError("interrupted", `interrupted while talking to ${vmId}`, {});
}

/** Whom the work was for, and what may have called it off. */
export interface FailureContext {
  readonly vmId: VmId;
  readonly limit?: Pick<CallLimit, "signal" | "isLate"> | undefined;
}

/** A failure while talking to a guest, as the caller should see it. */
export function explainFailure(error: unknown, { vmId, limit }: FailureContext): BandSoxError {
  if (limit?.isLate) return guestUnreachable(vmId, "it did not answer in time", error);
  if (limit?.signal.aborted) return interrupted(vmId);
  if (isAnyBandSoxError(error)) return error;
  if (error instanceof FrameError || error instanceof AnswerError)
    return guestBroken(vmId, error.message, error);
  const why = error instanceof Error ? error.message : String(error);
  return guestUnreachable(vmId, why, error);
}

/** An answer other than the one hoped for, as the caller should see it. */
export function explainRefusal(
  vmId: VmId,
  { status, text, path, refusals = {} }: { status: number; text: string; path: string; refusals?: Refusals },
): BandSoxError {
  const call = path.split("?", 1)[0] ?? path;
  const problem = Problem.safeParse(parseJson(text)).data;
  if (!problem) return guestBroken(vmId, `it answered ${status} to ${call} without saying why`);
  const message = printable(problem.message).slice(0, REASON_MAX_CHARACTERS);
  const known = Object.hasOwn(refusals, problem.code) ? refusals[problem.code] : undefined;
  if (!known && UNKNOWN_CALL_CODES.has(problem.code)) return guestOutdated(vmId, `it has no ${call}`);
  return known?.(message) ?? guestBroken(vmId, `it refused ${call}: ${message}`);
}
