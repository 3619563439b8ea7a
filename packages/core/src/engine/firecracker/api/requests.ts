import type { z } from "zod";
import {
  Balloon,
  BalloonStatsUpdate,
  BalloonUpdate,
  BootSource,
  Drive,
  EntropyDevice,
  InstanceActionInfo,
  Logger,
  MachineConfiguration,
  Metrics,
  NetworkInterface,
  PartialDrive,
  PartialNetworkInterface,
  SerialDevice,
  SnapshotCreateParams,
  SnapshotLoadParams,
  Vm,
  Vsock,
} from "./schemas.ts";

/** Every request with a body that we know, by method and path; `{id}` stands for the device's. */
export const REQUESTS = {
  "PUT /actions": InstanceActionInfo,
  "PUT /balloon": Balloon,
  "PATCH /balloon": BalloonUpdate,
  "PATCH /balloon/statistics": BalloonStatsUpdate,
  "PUT /boot-source": BootSource,
  "PUT /drives/{id}": Drive,
  "PATCH /drives/{id}": PartialDrive,
  "PUT /entropy": EntropyDevice,
  "PUT /logger": Logger,
  "PUT /machine-config": MachineConfiguration,
  "PUT /metrics": Metrics,
  "PUT /network-interfaces/{id}": NetworkInterface,
  "PATCH /network-interfaces/{id}": PartialNetworkInterface,
  "PUT /serial": SerialDevice,
  "PUT /snapshot/create": SnapshotCreateParams,
  "PUT /snapshot/load": SnapshotLoadParams,
  "PATCH /vm": Vm,
  "PUT /vsock": Vsock,
} as const;

export type RequestName = keyof typeof REQUESTS;

/** One request: what, with which body, and to which device where the path names one. */
export type ApiRequest = {
  [Name in RequestName]: {
    readonly request: Name;
    readonly body: z.input<(typeof REQUESTS)[Name]>;
  } & (Name extends `${string}{id}` ? { readonly id: string } : { readonly id?: never });
}[RequestName];

/** A request's method and path. */
export function addressOf({ request, id }: ApiRequest): { method: "PUT" | "PATCH"; path: string } {
  const [method = "", path = ""] = request.split(" ", 2);
  return { method: method === "PATCH" ? "PATCH" : "PUT", path: path.replace("{id}", id ?? "") };
}
