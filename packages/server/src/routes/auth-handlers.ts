import { BandSoxError } from "@bandsox/contract";
import type { AUTH_ROUTES } from "@bandsox/contract/api";
import type { AuthStore } from "../auth/auth-store.ts";
import { LoginThrottle } from "../auth/throttle.ts";
import { SESSION_COOKIE, tokenOf } from "../auth/token.ts";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";
import { given } from "./given.ts";

/** Who may call. */
export function authHandlers({ auth }: Served): Handlers<keyof typeof AUTH_ROUTES> {
  const throttle = new LoginThrottle();
  return {
    "POST /api/auth/login": async ({ body, request, reply }) => {
      const store = enabled(auth);
      throttle.assertMayTry(request.ip);
      const forgive = throttle.attempt(request.ip);
      const session = await store.logIn(body.password);
      if (!session) throw new BandSoxError("unauthorized", "cannot log in: the password is another", {});
      forgive();
      const maxAge = session.maxAgeMs / 1000;
      reply.setCookie(SESSION_COOKIE, session.token, { ...cookieOf(request.protocol), maxAge });
      return { status: "ok", token: session.token };
    },
    "POST /api/auth/logout": async ({ request, reply }) => {
      const token = tokenOf(request);
      if (token !== undefined) auth?.logOut(token);
      reply.clearCookie(SESSION_COOKIE, cookieOf(request.protocol));
      return { status: "ok" };
    },
    "GET /api/auth/check": async ({ request: { identity } }) => ({
      authenticated: identity !== null,
      auth_enabled: auth?.isEnabled ?? false,
      scope: identity?.scope ?? null,
    }),
    "GET /api/auth/keys": async () => enabled(auth).listKeys(),
    "POST /api/auth/keys": async ({ body }) => {
      const { name, scope, expires_in } = body;
      const limits = {
        maxVms: body.max_vms,
        maxMemoryMib: body.max_memory_mib,
        maxConcurrent: body.max_concurrent,
      };
      const expiresInMs = expires_in === undefined ? undefined : expires_in * 1000;
      const { key, id } = enabled(auth).createKey({
        name,
        ...given({ scope, expiresInMs, ...limits }),
      });
      return { key_id: id, key, name, scope: scope ?? "admin" };
    },
    "DELETE /api/auth/keys/:key_id": async ({ params }) => {
      enabled(auth).revokeKey(params.key_id);
      return { status: "revoked" };
    },
  };
}

function enabled(auth: AuthStore | undefined): AuthStore {
  if (auth?.isEnabled) return auth;
  throw new BandSoxError("auth_disabled", "there are no keys and no password here: access is open", {});
}

function cookieOf(protocol: string) {
  return { path: "/", httpOnly: true, sameSite: "lax", secure: protocol === "https" } as const;
}
