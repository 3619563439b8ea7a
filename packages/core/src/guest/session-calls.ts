import {
  BandSoxError,
  type ErrorCode,
  SessionInfo,
  type SessionSpec,
  type TerminalSize,
  type VmId,
} from "@bandsox/contract";
import { z } from "zod";
import { callGuest } from "./call.ts";
import { execRefusals } from "./exec-refusals.ts";
import type { Refusals } from "./failure.ts";
import type { GuestEndpoint } from "./guest-connections.ts";

const SESSIONS_MAX = 1024;
const Nothing = z.unknown();
const Sessions = z.object({ sessions: z.array(SessionInfo).max(SESSIONS_MAX) });

/** One session in one guest. */
export interface SessionAddress {
  readonly endpoint: GuestEndpoint;
  readonly id: string;
}

/** Starts a session; one of this id that exists already is left as it is and told of. */
export function putSession(
  { endpoint, id }: SessionAddress,
  spec: SessionSpec,
  signal?: AbortSignal,
): Promise<SessionInfo> {
  const refusals = execRefusals(endpoint.vmId, spec.argv);
  return callGuest(
    endpoint,
    { method: "PUT", path: sessionPath(id), body: spec, signal, refusals },
    SessionInfo,
  );
}

/** All sessions of a guest, the newest first. */
export async function listSessions(endpoint: GuestEndpoint, signal?: AbortSignal): Promise<SessionInfo[]> {
  return (await callGuest(endpoint, { method: "GET", path: "/v1/sessions", signal }, Sessions)).sessions;
}

export function getSession(address: SessionAddress, signal?: AbortSignal): Promise<SessionInfo> {
  return callSession(address, { method: "GET", signal }, SessionInfo);
}

/** Hands bytes to the session's stdin and returns when the command's pipe took them, however long it takes. */
export async function writeSession(
  address: SessionAddress,
  { bytes, close, signal }: { bytes: Uint8Array; close: boolean; signal?: AbortSignal | undefined },
): Promise<void> {
  const action = close ? "/stdin?close=1" : "/stdin";
  await callSession(
    address,
    { method: "POST", action, body: bytes, timeoutMs: Number.POSITIVE_INFINITY, signal },
    Nothing,
  );
}

export async function signalSession(
  address: SessionAddress,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  await callSession(address, { method: "POST", action: "/signal", body: { signal: name }, signal }, Nothing);
}

export async function resizeSession(
  address: SessionAddress,
  { cols, rows }: TerminalSize,
  signal?: AbortSignal,
): Promise<void> {
  await callSession(address, { method: "POST", action: "/resize", body: { cols, rows }, signal }, Nothing);
}

/** The session when it has ended, or as it is after `forMs`. */
export function awaitSession(
  address: SessionAddress,
  { forMs, signal }: { forMs: number; signal?: AbortSignal | undefined },
): Promise<SessionInfo> {
  return callSession(address, { method: "GET", action: `/wait?timeoutMs=${forMs}`, signal }, SessionInfo);
}

export async function deleteSession(address: SessionAddress, signal?: AbortSignal): Promise<void> {
  await callSession(address, { method: "DELETE", signal }, Nothing);
}

/** The path of a session or of something it has; an id is checked before it gets here. */
export function sessionPath(id: string, action = ""): string {
  return `/v1/sessions/${id}${action}`;
}

/** What the guest says when it does not do something to a session. */
export function sessionRefusals(vmId: VmId, sessionId: string): Refusals {
  const codes = ["session_not_found", "session_ended", "stdin_closed", "not_a_terminal", "offset_ahead"];
  return Object.fromEntries(
    codes.map((code) => [
      code,
      (why: string) =>
        new BandSoxError(code as ErrorCode & "session_ended", `session ${sessionId} in ${vmId}: ${why}`, {
          vmId,
          sessionId,
        }),
    ]),
  );
}

interface SessionCall {
  readonly method: "GET" | "POST" | "DELETE";
  readonly action?: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

function callSession<T>(
  { endpoint, id }: SessionAddress,
  { action, ...call }: SessionCall,
  schema: z.ZodType<T>,
): Promise<T> {
  const refusals = sessionRefusals(endpoint.vmId, id);
  return callGuest(endpoint, { ...call, path: sessionPath(id, action), refusals }, schema);
}
