import { tmpdir } from "node:os";
import { BandSoxError, ERRORS, type ErrorCode, isAnyBandSoxError } from "@bandsox/contract";
import type { Problem } from "@bandsox/contract/api";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";

const SHOWN_CHARACTERS = 200;

/** What a client is told of a failure. The only place where errors become HTTP. */
export function toProblem(error: BandSoxError, requestId: string): Problem {
  const { status, hint, retryable } = ERRORS[error.code];
  return {
    type: `urn:bandsox:error:${error.code}`,
    title: error.code.replaceAll("_", " "),
    ...{ status, detail: error.message, code: error.code, details: error.details },
    ...{ hint, retryable, request_id: requestId },
  };
}

/** Answers with a problem document. */
export function sendProblem(reply: FastifyReply, error: BandSoxError): FastifyReply {
  const problem = toProblem(error, reply.request.id);
  const retryAfterMs = "retryAfterMs" in error.details ? Number(error.details.retryAfterMs) : undefined;
  if (retryAfterMs !== undefined) reply.header("retry-after", Math.ceil(retryAfterMs / 1000));
  // A body that nobody has read would keep the connection busy.
  if (!reply.request.raw.complete) reply.header("connection", "close");
  return reply
    .status(problem.status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send(problem);
}

/** The error handler of the whole server. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = toBandSoxError(error, request);
  if (known.code === "internal_error") request.log.error({ err: error }, "request failed");
  return sendProblem(reply, known);
}

/** An error of ours for anything that was thrown; what nobody meant to throw says nothing to the client. */
export function toBandSoxError(error: unknown, request: FastifyRequest): BandSoxError {
  if (isAnyBandSoxError(error)) return error;
  if (error instanceof Error && "validation" in error) return fromValidation(error as FastifyError, request);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC") return noSpace();
  const make = FROM_FASTIFY[code];
  if (make) return make(request, error as FastifyError);
  return new BandSoxError(
    "internal_error",
    `${request.method} ${pathOf(request)} failed inside the server`,
    {},
  );
}

/** Of a temporary file of the server's own; the library tells of its files itself. */
function noSpace(): BandSoxError {
  const path = tmpdir();
  return new BandSoxError("disk_full", `no space is left in ${path} for what is on its way`, { path });
}

function fromValidation(error: FastifyError, { method }: FastifyRequest): BandSoxError {
  const [first] = error.validation ?? [];
  const where = { body: "body", querystring: "query", params: "path", headers: "headers" }[
    error.validationContext ?? "body"
  ];
  const field = first?.instancePath.slice(1).replaceAll("/", ".") || String(where);
  const message = `cannot ${method} this: ${first?.message ?? "invalid"} (${where} ${field})`;
  return new BandSoxError("invalid_argument", message, { field, found: undefined });
}

type FromFastify = (request: FastifyRequest, error: FastifyError) => BandSoxError;
const malformed: FromFastify = (_, error) =>
  wrong("body_invalid", `the request is malformed: ${error.message}`, {});

const FROM_FASTIFY: Readonly<Record<string, FromFastify>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (request) => tooLarge(request),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (request) => {
    const mediaType = String(request.headers["content-type"] ?? "").slice(0, SHOWN_CHARACTERS);
    const what = JSON.stringify(mediaType);
    return wrong("media_type_unsupported", `cannot read a body of the type ${what}`, { mediaType });
  },
  FST_ERR_CTP_INVALID_JSON_BODY: malformed,
  FST_ERR_CTP_EMPTY_JSON_BODY: malformed,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: malformed,
  FST_ERR_BAD_URL: malformed,
  FST_ERR_CTP_BODY_TIMEOUT: () => wrong("body_too_slow", "the request's body did not arrive in time", {}),
};

function tooLarge(request: FastifyRequest): BandSoxError {
  const limitBytes = request.routeOptions.bodyLimit ?? 0;
  const message = `the request's body has more than ${limitBytes} bytes`;
  return new BandSoxError("body_too_large", message, { limitBytes });
}

function wrong<C extends ErrorCode>(
  code: C,
  message: string,
  details: BandSoxError<C>["details"],
): BandSoxError {
  return new BandSoxError(code, message, details) as BandSoxError;
}

/** The path without its query, which may hold a token. */
export function pathOf({ url }: Pick<FastifyRequest, "url">): string {
  return (url.split("?", 1)[0] ?? "").slice(0, SHOWN_CHARACTERS);
}
