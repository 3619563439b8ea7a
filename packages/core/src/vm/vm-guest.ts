import type { GuestEndpoint } from "../guest/exchange.ts";

/** Where the guest of one VM is reached, asked for anew at each use: a VM may have ended meanwhile. */
export type FindGuest = () => Promise<GuestEndpoint>;

/** A command as users give it: text for `/bin/sh -c`, or a program and its arguments. */
export type Command = string | readonly string[];

/** The arguments a command runs as. */
export function commandArgv(command: Command): string[] {
  return typeof command === "string" ? ["/bin/sh", "-c", command] : [...command];
}
