import { BandSoxClient, type ClientOptions, type CreateVmOptions } from "@bandsox/client";
import type { EventQueryInput, VmSpecInput } from "@bandsox/contract";
import type { CleanupOptions, Core, CreateOptions } from "@bandsox/core";
import { hostFiles } from "./host-files.ts";
import { hostPorts } from "./host-ports.ts";

/** How a server is reached. */
export type RemoteOptions = ClientOptions;

/** Whether what a user names is a server and not a directory. */
export function isServerUrl(where: unknown): where is string {
  return typeof where === "string" && /^https?:\/\//i.test(where);
}

/**
 * A server's engine room: the client's objects have the library's calls, and where they have none, every call of it
 * rejects with `not_available_remotely`.
 */
export function remoteCore(url: string, options: RemoteOptions): Core {
  const client = new BandSoxClient(url, { hostFiles, hostPorts, ...options });
  const calls: Partial<Record<keyof Core, unknown>> = {
    ...{ images: client.images, snapshots: client.snapshots, pools: client.pools },
    createVm: ({ image, ...spec }: VmSpecInput, more: CreateOptions = {}) =>
      client.createVm(image, { ...spec, ...more } as CreateVmOptions),
    getVm: (reference: string) => client.getVm(reference),
    listVms: (filter: Parameters<Core["listVms"]>[0]) => client.listVms(filter),
    growDisk: (vm: string, diskSizeMib: number, signal?: AbortSignal) =>
      client.growDisk(vm, diskSizeMib, signal ? { signal } : {}),
    cleanup: (wanted: CleanupOptions = {}) => client.cleanup(wanted),
    pruneEvents: (keep: number) => client.pruneEvents({ keep }),
    attend: (signal?: AbortSignal) => until(signal), // the server does
    why: (vm: string) => client.why(vm),
    hasImage: (image: string) => client.hasImage(image),
    imageCommand: (vm: { readonly id: string }) => client.imageCommand(vm),
    events: (query?: EventQueryInput, signal?: AbortSignal) => client.events(query, signal),
    [Symbol.asyncDispose as never]: async () => {},
  };
  return new Proxy(calls, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name);
      if (name === "then" || typeof name === "symbol") return undefined; // it is no promise
      return () => Promise.reject(client.notRemote(name));
    },
  }) as Core;
}

function until(signal: AbortSignal | undefined): Promise<void> {
  if (!signal || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
