import { Group, Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface CardProps {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page with a name of its own. */
export function Card({ title, actions, children }: CardProps) {
  return (
    <Stack component="section" className="surface" p="md" gap="sm" style={{ minWidth: 0 }}>
      <Group justify="space-between" mih={28}>
        <Title order={2} size="h5">
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Stack>
  );
}
