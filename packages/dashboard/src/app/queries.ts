import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { hasCode, notifyError } from "../api/errors.tsx";

const RETRIES = 2;

/** Sends who is not known to log in, and brings them back after. */
function askWhoCalls(error: unknown): void {
  if (!hasCode(error, "unauthorized") || location.pathname === "/login") return;
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** What is known of the server. It is made stale by events, not by time. */
export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: askWhoCalls }),
  mutationCache: new MutationCache({
    onError: (error, _variables, _result, { meta }) => {
      askWhoCalls(error);
      if (meta?.isTold !== true) notifyError(error);
    },
  }),
  // The server may be this machine: that it is off every network says nothing about whether that can be reached.
  defaultOptions: {
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      retry: (failures, error) => hasCode(error, "server_unreachable") && failures < RETRIES,
    },
  },
});
