import type { RouteKey } from "@bandsox/contract/api";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";
import { archiveHandlers } from "./archive-handlers.ts";
import { authHandlers } from "./auth-handlers.ts";
import { commandHandlers } from "./command-handlers.ts";
import { fileHandlers } from "./file-handlers.ts";
import { hostHandlers } from "./host-handlers.ts";
import { imageHandlers } from "./image-handlers.ts";
import { networkHandlers } from "./network-handlers.ts";
import { poolHandlers } from "./pool-handlers.ts";
import { sessionHandlers } from "./session-handlers.ts";
import { snapshotHandlers } from "./snapshot-handlers.ts";
import { storageHandlers } from "./storage-handlers.ts";
import { systemHandlers } from "./system-handlers.ts";
import { vmHandlers } from "./vm-handlers.ts";

/** What answers each operation of the API; one that is missing does not compile. */
export function allHandlers(served: Served): Handlers<RouteKey> {
  return {
    ...systemHandlers(served),
    ...authHandlers(served),
    ...vmHandlers(served),
    ...networkHandlers(served),
    ...commandHandlers(served),
    ...fileHandlers(served),
    ...sessionHandlers(served),
    ...snapshotHandlers(served),
    ...archiveHandlers(served),
    ...poolHandlers(served),
    ...imageHandlers(served),
    ...hostHandlers(served),
    ...storageHandlers(served),
  };
}
