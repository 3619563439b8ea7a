/** The API between server and clients: its routes, and how the library's objects travel. */
import type { z } from "zod";
import { ARCHIVE_ROUTES } from "./archive-routes.ts";
import { AUTH_ROUTES } from "./auth-routes.ts";
import { COMMAND_ROUTES } from "./command-routes.ts";
import { FILE_ROUTES } from "./file-routes.ts";
import { HOST_ROUTES } from "./host-routes.ts";
import { IMAGE_ROUTES } from "./image-routes.ts";
import { NETWORK_ROUTES } from "./network-routes.ts";
import { POOL_ROUTES } from "./pool-routes.ts";
import type { ApiRoute } from "./route.ts";
import { SESSION_ROUTES } from "./session-routes.ts";
import { SNAPSHOT_ROUTES } from "./snapshot-routes.ts";
import { STORAGE_ROUTES } from "./storage-routes.ts";
import { SYSTEM_ROUTES } from "./system-routes.ts";
import { VM_ROUTES } from "./vm-routes.ts";

/** Every operation of the API but the WebSockets, by method and path. */
export const ROUTES = {
  ...SYSTEM_ROUTES,
  ...AUTH_ROUTES,
  ...VM_ROUTES,
  ...NETWORK_ROUTES,
  ...COMMAND_ROUTES,
  ...FILE_ROUTES,
  ...SESSION_ROUTES,
  ...SNAPSHOT_ROUTES,
  ...ARCHIVE_ROUTES,
  ...POOL_ROUTES,
  ...IMAGE_ROUTES,
  ...HOST_ROUTES,
  ...STORAGE_ROUTES,
} as const satisfies Record<string, ApiRoute>;

/** An operation of the API, e.g. `GET /api/vms/:id`. */
export type RouteKey = keyof typeof ROUTES;

type Part<K extends RouteKey, P extends keyof ApiRoute> =
  (typeof ROUTES)[K] extends Record<P, infer S> ? S : undefined;
type Sent<S> = S extends z.ZodType ? z.input<S> : undefined;
type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** What a client sends with an operation. */
export type RouteInput<K extends RouteKey> = {
  readonly params: Sent<Part<K, "params">>;
  readonly query: Sent<Part<K, "query">>;
  readonly body: Sent<Part<K, "body">>;
};

/** What the server reads of an operation. */
export type RouteRequest<K extends RouteKey> = {
  readonly params: Parsed<Part<K, "params">>;
  readonly query: Parsed<Part<K, "query">>;
  readonly body: Parsed<Part<K, "body">>;
};

/** The JSON of an operation's answer, as the server gives it. */
export type RouteAnswer<K extends RouteKey> = Sent<Part<K, "answer">>;
/** The JSON of an operation's answer, as a client has it. */
export type RouteResult<K extends RouteKey> = Parsed<Part<K, "answer">>;

export { ARCHIVE_ROUTES } from "./archive-routes.ts";
export { ApiKey, AUTH_ROUTES, NewApiKey } from "./auth-routes.ts";
export { COMMAND_ROUTES, ExecBody } from "./command-routes.ts";
export { Switch, VmParams } from "./fields.ts";
export { FILE_ROUTES } from "./file-routes.ts";
export * from "./frames.ts";
export { HOST_ROUTES } from "./host-routes.ts";
export { IMAGE_ROUTES } from "./image-routes.ts";
export { NETWORK_ROUTES } from "./network-routes.ts";
export { POOL_ROUTES } from "./pool-routes.ts";
export { type ApiRoute, type MediaType, Problem, Scope } from "./route.ts";
export { NewSession, SESSION_ROUTES, SessionParams } from "./session-routes.ts";
export { SNAPSHOT_ROUTES } from "./snapshot-routes.ts";
export { STORAGE_ROUTES } from "./storage-routes.ts";
export { SYSTEM_ROUTES } from "./system-routes.ts";
export { CreateVmBody, DockerfileForm, VM_ROUTES } from "./vm-routes.ts";
export * from "./wire.ts";
export * from "./wire-vm.ts";
