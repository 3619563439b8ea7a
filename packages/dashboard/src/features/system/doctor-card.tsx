import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { server } from "../../api/server.ts";
import { Card } from "../../ui/card.tsx";
import { Failure } from "../../ui/failure.tsx";

/** What VMs need of this machine, and what to do about what is missing. */
export function DoctorCard() {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["doctor"],
    queryFn: ({ signal }) => server.call("GET /api/doctor", { signal }),
  });
  return (
    <Card
      title="Doctor"
      actions={
        <Button size="xs" variant="default" loading={isFetching} onClick={() => void refetch()}>
          Look again
        </Button>
      }
    >
      {error && <Failure error={error} />}
      {data && (
        <Text size="sm" c={data.can_run_vms ? "dimmed" : "var(--mantine-color-error)"}>
          {data.can_run_vms ? "VMs can run here." : "VMs cannot run here until what is required is there."}
        </Text>
      )}
      <Stack gap={0} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {data?.checks.map((check) => (
          <Check key={check.id} {...check} />
        ))}
      </Stack>
    </Card>
  );
}

interface CheckProps {
  readonly id: string;
  readonly ok: boolean;
  readonly level: "required" | "advised";
  readonly found: string;
  readonly remedy?: string | undefined;
}

function Check({ id, ok, level, found, remedy }: CheckProps) {
  const verdict = ok ? "ok" : level;
  const colour = { ok: "green", required: "red", advised: "amber" }[verdict];
  return (
    <Group
      component="li"
      gap="md"
      py={6}
      align="flex-start"
      style={{ borderTop: "1px solid var(--app-line)" }}
    >
      <span className={`state state-${colour}`} style={{ width: 84 }}>
        <span className="state-dot" />
        {verdict}
      </span>
      <Text size="sm" fw={500} w={150}>
        {id}
      </Text>
      <div style={{ flex: "1 1 240px", minWidth: 0, overflowWrap: "anywhere" }}>
        <Text size="sm">{found}</Text>
        {!ok && remedy && (
          <Text size="sm" c="dimmed">
            {remedy}
          </Text>
        )}
      </div>
    </Group>
  );
}
