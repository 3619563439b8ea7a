import { Alert, Button, Group, Text } from "@mantine/core";
import { describeError } from "../api/errors.tsx";
import { Icon } from "./icon.tsx";

/** Says why something cannot be shown, and what to do next. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { message, hint } = describeError(error);
  return (
    <Alert color="red" icon={<Icon name="alert" />} title={message} role="alert">
      <Group justify="space-between">
        <Text size="sm">{hint}</Text>
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}
