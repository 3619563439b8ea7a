import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";
import { type KeyValue, newRow } from "./key-values.logic.ts";

interface KeyValuesProps {
  readonly label: string;
  readonly rows: readonly KeyValue[];
  readonly onChange: (rows: readonly KeyValue[]) => void;
  readonly description?: string;
}

/** Names and values, to be added, changed and removed. */
export function KeyValues({ label, rows, onChange, description }: KeyValuesProps) {
  const change = (id: number, fields: Partial<KeyValue>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...fields } : row)));
  return (
    <Stack gap={6} role="group" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {description && (
        <Text size="xs" c="dimmed">
          {description}
        </Text>
      )}
      {rows.map(({ id, key, value }, index) => (
        <Group key={id} gap={6} wrap="nowrap">
          <TextInput
            style={{ flex: 1 }}
            aria-label={`${label}: key ${index + 1}`}
            placeholder="key"
            value={key}
            onChange={(event) => change(id, { key: event.currentTarget.value })}
          />
          <TextInput
            style={{ flex: 2 }}
            aria-label={`${label}: value ${index + 1}`}
            placeholder="value"
            value={value}
            onChange={(event) => change(id, { value: event.currentTarget.value })}
          />
          <IconButton
            icon="close"
            label={`Remove ${key || `row ${index + 1}`}`}
            onClick={() => onChange(rows.filter((row) => row.id !== id))}
          />
        </Group>
      ))}
      <Group>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          c="inherit"
          leftSection={<Icon name="plus" size={14} />}
          onClick={() => onChange([...rows, newRow()])}
        >
          Add
        </Button>
      </Group>
    </Stack>
  );
}
