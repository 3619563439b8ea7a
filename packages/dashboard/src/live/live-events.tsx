import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { setConnection } from "./connection.ts";
import { followEvents } from "./follow-events.ts";
import { staleAfter } from "./stale-queries.logic.ts";

/** Keeps everything cached as the server has it, by what the server says has happened. */
export function LiveEvents() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  useEffect(
    () =>
      followEvents({
        onState: setConnection,
        onResync: () => void queries.invalidateQueries(),
        onUnauthorized: () => void navigate({ to: "/login", search: { next: location.pathname } }),
        onEvent: (event) => {
          for (const queryKey of staleAfter(event)) void queries.invalidateQueries({ queryKey });
        },
      }),
    [queries, navigate],
  );
  return null;
}
