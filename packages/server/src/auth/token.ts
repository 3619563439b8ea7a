import type { FastifyRequest } from "fastify";

export const SESSION_COOKIE = "bandsox_session";
const PROTOCOL_PREFIX = "bandsox.auth.";

/**
 * The secret a request brings: as a bearer, as the cookie of a person who logged in, or, for WebSockets, which can have
 * no headers of their own in browsers, as a sub-protocol. In the address only where the first BandSox's clients put it.
 */
export function tokenOf(request: FastifyRequest, { inQuery = false } = {}): string | undefined {
  const [scheme = "", bearer] = (request.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() === "bearer" && bearer) return bearer;
  const protocols = String(request.headers["sec-websocket-protocol"] ?? "").split(",");
  const carried = protocols.map((name) => name.trim()).find((name) => name.startsWith(PROTOCOL_PREFIX));
  if (carried) return Buffer.from(carried.slice(PROTOCOL_PREFIX.length), "base64url").toString("utf8");
  if (inQuery) {
    const { token } = request.query as { token?: unknown };
    if (typeof token === "string" && token !== "") return token;
  }
  return request.cookies[SESSION_COOKIE];
}
