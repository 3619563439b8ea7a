import { Center, Loader } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Failure } from "../../ui/failure.tsx";
import { vmQuery } from "../vms/vm-queries.ts";
import { startTerminal } from "./session-queries.ts";
import { TerminalView } from "./terminal-view.tsx";

/** A terminal that fills the window. Its address names its shell, so that loading it again finds the same one. */
export function TerminalPage() {
  const { vmId } = useParams({ from: "/terminal/$vmId" });
  const { session } = useSearch({ from: "/terminal/$vmId" });
  const navigate = useNavigate();
  const { data: vm, error } = useQuery(vmQuery(vmId));
  useDocumentTitle(`${vm?.name ?? vmId} · terminal`);
  const start = useMutation({
    mutationFn: () => startTerminal(vmId),
    onSuccess: (id) =>
      navigate({ to: "/terminal/$vmId", params: { vmId }, search: { session: id }, replace: true }),
    meta: { isTold: true },
  });
  const isBegun = useRef(false);
  const { mutate } = start;
  useEffect(() => {
    if (session !== undefined || isBegun.current) return;
    isBegun.current = true;
    mutate();
  }, [session, mutate]);
  const failure = error ?? start.error;
  return (
    <main style={{ height: "100vh", display: "flex", background: "#0c0c0e" }}>
      {failure && (
        <Center flex={1} p="md">
          <Failure error={failure} onRetry={() => start.mutate()} />
        </Center>
      )}
      {!failure && session === undefined && (
        <Center flex={1}>
          <Loader aria-label="Starting a shell" />
        </Center>
      )}
      {!failure && session !== undefined && (
        <TerminalView
          vmId={vmId}
          sessionId={session}
          onDismiss={() => void navigate({ to: "/vms/$vmId", params: { vmId } })}
        />
      )}
    </main>
  );
}
