import { BandSoxError } from "@bandsox/client";
import { Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";

/** An error's message and what to do next, for people. */
export function describeError(error: unknown): {
  readonly message: string;
  readonly hint: string | undefined;
} {
  if (error instanceof BandSoxError) return { message: error.message, hint: error.hint };
  return { message: error instanceof Error ? error.message : String(error), hint: undefined };
}

/** Whether a value is an error of ours with one of some codes. */
export function hasCode(error: unknown, ...codes: string[]): error is BandSoxError {
  return error instanceof BandSoxError && codes.includes(error.code);
}

/** Tells an error and its next step. */
export function notifyError(error: unknown): void {
  if (hasCode(error, "interrupted")) return;
  const { message, hint } = describeError(error);
  notifications.show({
    ...{ title: message, color: "red", autoClose: 12_000, withBorder: true },
    message: hint ? <Text size="sm">{`${hint[0]?.toUpperCase()}${hint.slice(1)}.`}</Text> : null,
  });
}

/** Tells what was done. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: "emerald", autoClose: 4000, withBorder: true });
}
