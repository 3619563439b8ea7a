import type { Attached, Operations } from "../base/operations.ts";
import type { GuestEndpoint } from "../guest/guest-connections.ts";

/** The guest of one VM, and the work with it as part of the work on its storage. */
export interface VmGuest {
  /** Where it is reached now; asked for at each use, for a VM may have ended meanwhile. */
  endpoint(): Promise<GuestEndpoint>;
  /** Does one thing with the guest, which the closing of the storage interrupts and waits for. */
  call<T>(
    signal: AbortSignal | undefined,
    work: (endpoint: GuestEndpoint, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Takes part for as long as a stream is open, which the closing of the storage interrupts. */
  attach(signal?: AbortSignal): Attached;
}

/** How a guest is found, and what an error of talking to it means. */
export interface GuestAccess {
  endpoint(): Promise<GuestEndpoint>;
  explain?(error: unknown): Promise<unknown>;
}

/** The guest found by `endpoint`. */
export function vmGuest(
  operations: Operations,
  { endpoint, explain = async (error) => error }: GuestAccess,
): VmGuest {
  return {
    endpoint,
    call: (signal, work) =>
      operations.run(signal, async (either) => {
        try {
          return await work(await endpoint(), either);
        } catch (error) {
          throw await explain(error);
        }
      }),
    attach: (signal) => operations.attach(signal),
  };
}

/** A command as users give it: text for `/bin/sh -c`, or a program and its arguments. */
export type Command = string | readonly string[];

/** The arguments a command runs as. */
export function commandArgv(command: Command): string[] {
  return typeof command === "string" ? ["/bin/sh", "-c", command] : [...command];
}
