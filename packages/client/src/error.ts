import type { ErrorCode, ErrorDetails, BandSoxError as LibraryError } from "@bandsox/contract";
import type { Problem } from "@bandsox/contract/api";

/**
 * A failure as the library itself throws it: match on `code`, never on the class. What the server says of it, this has;
 * so a newer server's codes have their hints, too.
 */
export class BandSoxError<C extends ErrorCode = ErrorCode> extends Error implements LibraryError<C> {
  override readonly name = "BandSoxError";
  readonly code: C;
  readonly details: ErrorDetails<C>;
  /** Whether repeating the same call can succeed */
  readonly retryable: boolean;
  /** What to do next; one sentence without a period */
  readonly hint: string;
  /** The request's id in the server's log; absent when the server was not reached */
  readonly requestId: string | undefined;

  constructor({ code, detail, details, hint, retryable, request_id }: Failure<C>, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.details = details;
    this.hint = hint;
    this.retryable = retryable;
    this.requestId = request_id;
  }
}

interface Failure<C extends ErrorCode> {
  readonly code: C;
  readonly detail: string;
  readonly details: ErrorDetails<C>;
  readonly hint: string;
  readonly retryable: boolean;
  readonly request_id?: string | undefined;
}

/** The failure a problem document tells. */
export function fromProblem(problem: Problem): BandSoxError {
  return new BandSoxError(problem as unknown as Failure<ErrorCode>);
}

/** Whether a value is a problem document of a BandSox server. */
export function isProblem(value: unknown): value is Problem {
  return (
    typeof value === "object" && value !== null && "code" in value && "detail" in value && "details" in value
  );
}

/** Narrows an unknown thrown value to one code, and so to that code's `details`; without a code to any of ours. */
export function isBandSoxError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is BandSoxError<C> {
  const isOurs = error instanceof Error && error.name === "BandSoxError" && "code" in error;
  return isOurs && (code === undefined || error.code === code);
}

/** The work was called off by its own signal. */
export function interrupted(what: string, cause?: unknown): BandSoxError {
  const hint = "call again to continue";
  const failure = {
    code: "interrupted",
    detail: `interrupted during ${what}`,
    details: {},
    hint,
    retryable: true,
  } as const;
  return new BandSoxError(failure, { cause }) as BandSoxError;
}

/** Nothing answered, or the answer broke off. */
export function unreachable(url: string, cause: unknown): BandSoxError {
  const why = reasonOf(cause);
  const hint = "check the address, and that `bandsox serve` runs there";
  const failure = {
    code: "server_unreachable",
    detail: `cannot reach ${url}: ${why}`,
    details: { url },
    hint,
  } as const;
  return new BandSoxError({ ...failure, retryable: true }, { cause }) as BandSoxError;
}

/** What answered is no server of ours. */
export function invalidAnswer(url: string, what: string): BandSoxError {
  const hint = "what answered is no BandSox server, or one of another version";
  const failure = {
    code: "server_invalid",
    detail: `${url} answered ${what}`,
    details: { url },
    hint,
  } as const;
  return new BandSoxError({ ...failure, retryable: false }) as BandSoxError;
}

/** No answer came in the time the caller had. */
export function tooLate(url: string, timeoutMs: number): BandSoxError {
  const detail = `${url} did not answer within ${timeoutMs} ms`;
  const hint = "the server did not answer in time; what was asked for may have been done";
  const failure = { code: "request_timed_out", detail, details: { url, timeoutMs }, hint } as const;
  return new BandSoxError({ ...failure, retryable: true }) as BandSoxError;
}

/** A call that only the machine with the storage can make. */
export function notRemote(call: string): BandSoxError {
  const detail = `cannot make the call ${call} over the network`;
  const hint = "make this call on the machine the storage is on";
  const failure = { code: "not_available_remotely", detail, details: { call }, hint } as const;
  return new BandSoxError({ ...failure, retryable: false }) as BandSoxError;
}

/** What `fetch` says itself is that it failed; why is in its cause, and in the first of several. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
