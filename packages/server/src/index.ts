export { type AppOptions, serverApp } from "./app.ts";
export { AuthStore, type Identity, type NewKey } from "./auth/auth-store.ts";
export { builtDashboardDir } from "./dashboard.ts";
export { type LoggerOptions, serverLogger } from "./request-log.ts";
export { type RunningServer, type ServerOptions, startServer } from "./start-server.ts";
