import { BandSoxError } from "@bandsox/contract";
import { Scope } from "@bandsox/contract/api";
import cookie from "@fastify/cookie";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { pathOf } from "../problem.ts";
import type { AuthStore, Identity } from "./auth-store.ts";
import { Concurrency } from "./concurrency.ts";
import { assertProvenance } from "./origin.ts";
import { tokenOf } from "./token.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; nobody where nobody has to be known */
    identity: Identity | null;
  }
}

export interface GuardOptions {
  /** Who may call; without it everyone who reaches the server */
  readonly auth?: AuthStore | undefined;
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** What everyone may see: the pages and their parts, which hold nothing of anybody. */
const PROTECTED = /^\/(api|metrics|docs|openapi\.json)(\/|$)/;

const OPEN: Identity = { scope: "admin", id: "open" };

/** Lets a request through to its route only from where, and from whom, it may come. */
export async function guardRoutes(
  app: FastifyInstance,
  { auth, allowedOrigins = [] }: GuardOptions,
): Promise<void> {
  await app.register(cookie);
  app.decorateRequest("identity", null);
  const allowed = new Set(allowedOrigins);
  const concurrency = new Concurrency();
  app.addHook("onRequest", async (request, reply) => {
    const isOpen = !auth?.isEnabled;
    const { headers, method } = request;
    const isUpgrade = headers.upgrade !== undefined;
    const site = String(headers["sec-fetch-site"] ?? "") || undefined;
    const { host, origin } = headers;
    assertProvenance({ method, isUpgrade, host, origin, site }, { allowed, isOpen });
    request.identity = isOpen ? OPEN : (identityOf(auth, request) ?? null);
    if (request.identity) concurrency.enter(request.identity, request, reply);
    const wanted = request.routeOptions.config.scope ?? (PROTECTED.test(pathOf(request)) ? "read" : "none");
    // A WebSocket is told in its own way.
    if (wanted !== "none" && !isUpgrade) assertScope(request, wanted);
  });
}

function identityOf(auth: AuthStore, request: FastifyRequest): Identity | undefined {
  const inQuery = request.routeOptions.config.tokenInQuery ?? false;
  const token = tokenOf(request, { inQuery });
  return token === undefined ? undefined : auth.identify(token);
}

/** @throws {BandSoxError} `unauthorized`, `scope_missing` */
export function assertScope({ identity, method, url }: FastifyRequest, wanted: Scope): void {
  const what = `${method} ${pathOf({ url })}`;
  if (!identity) throw new BandSoxError("unauthorized", `cannot ${what}: who calls is not known`, {});
  const { scope } = identity;
  if (Scope.options.indexOf(scope) >= Scope.options.indexOf(wanted)) return;
  const message = `cannot ${what}: it needs the scope ${wanted}, the key has ${scope}`;
  throw new BandSoxError("scope_missing", message, { wanted, scope });
}
