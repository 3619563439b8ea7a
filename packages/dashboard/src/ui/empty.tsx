import { Center, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon.tsx";

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
}

/** Says that there is nothing here, and how there comes to be something. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <Center p="xl">
      <Stack align="center" gap="xs" maw={460} ta="center">
        <Text c="dimmed" component="div">
          <Icon name={icon} size={36} />
        </Text>
        <Text fw={600}>{title}</Text>
        <Text size="sm" c="dimmed" component="div">
          {children}
        </Text>
      </Stack>
    </Center>
  );
}
