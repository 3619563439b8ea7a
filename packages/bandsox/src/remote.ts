import { BandSoxClient, type ClientOptions } from "@bandsox/client";
import type { Core } from "@bandsox/core";

/** How a server is reached. */
export type RemoteOptions = ClientOptions;

/** Whether what a user names is a server and not a directory. */
export function isServerUrl(where: unknown): where is string {
  return typeof where === "string" && /^https?:\/\//i.test(where);
}

/**
 * A server's engine room: the client's objects have the library's calls. What both have is held to the same types in
 * `remote-shape.ts`.
 */
export function remoteCore(url: string, options: RemoteOptions): Core {
  return new BandSoxClient(url, options) as unknown as Core;
}
