import { z } from "zod";

/** Linux's limit on one argument or one `NAME=value`, without its final NUL. */
export const ARGUMENT_MAX_BYTES = 131_071;

/** Text that can cross an `execve`: its strings end with a NUL. */
export const GuestString = z
  .string()
  .max(1_048_576)
  .regex(/^[^\0]*$/, "holds no NUL");

/** One argument of a command. */
export const Argument = GuestString.refine(
  (text) => utf8Length(text) <= ARGUMENT_MAX_BYTES,
  `an argument has at most ${ARGUMENT_MAX_BYTES} bytes`,
);

/** Length in bytes as UTF-8. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
