import type { RouteAnswer } from "@bandsox/contract/api";
import { queryOptions } from "@tanstack/react-query";
import { server } from "../../api/server.ts";

export type KeyInfo = RouteAnswer<"GET /api/auth/keys">[number];

/** Who calls, and whether anybody has to say so. */
export const accessQuery = queryOptions({
  queryKey: ["access"],
  queryFn: ({ signal }) => server.call("GET /api/auth/check", { signal }),
});

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: ({ signal }) => server.call("GET /api/auth/keys", { signal }),
});

/** Ends the session of this browser. */
export async function logOut(): Promise<void> {
  await server.call("POST /api/auth/logout", {});
  location.assign("/login");
}
