import type { Command } from "@commander-js/extra-typings";
import type { CliContext } from "./context.ts";

/** Makes a command; what it does to the world it does in a context. */
// biome-ignore lint/suspicious/noExplicitAny: arguments and options are the command's own
export type CommandFactory = (context: CliContext) => Command<any, any, any>;

/** Every command, loaded when it is named: who stops a VM does not wait for what the others need. */
export const COMMANDS: Readonly<Record<string, () => Promise<CommandFactory>>> = {
  init: async () => (await import("./commands/init.ts")).initCommand,
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand,
  run: async () => (await import("./commands/run.ts")).runCommand,
  create: async () => (await import("./commands/create.ts")).createCommand,
  exec: async () => (await import("./commands/exec.ts")).execCommand,
  terminal: async () => (await import("./commands/terminal.ts")).terminalCommand,
  logs: async () => (await import("./commands/logs.ts")).logsCommand,
  cleanup: async () => (await import("./commands/cleanup.ts")).cleanupCommand,
  why: async () => (await import("./commands/why.ts")).whyCommand,
  events: async () => (await import("./commands/events.ts")).eventsCommand,
  stats: async () => (await import("./commands/stats.ts")).statsCommand,
  top: async () => (await import("./commands/top.ts")).topCommand,
  "port-forward": async () => (await import("./commands/port-forward.ts")).portForwardCommand,
  cp: async () => (await import("./commands/cp.ts")).cpCommand,
  ls: async () => (await import("./commands/ls.ts")).lsCommand,
  cat: async () => (await import("./commands/cat.ts")).catCommand,
  watch: async () => (await import("./commands/watch.ts")).watchCommand,
  vm: async () => (await import("./commands/vm/vm.ts")).vmCommand,
  snapshot: async () => (await import("./commands/snapshot/snapshot.ts")).snapshotCommand,
  pool: async () => (await import("./commands/pool/pool.ts")).poolCommand,
  image: async () => (await import("./commands/image/image.ts")).imageCommand,
  serve: async () => (await import("./commands/serve.ts")).serveCommand,
  auth: async () => (await import("./commands/auth/auth.ts")).authCommand,
  mcp: async () => (await import("./commands/mcp.ts")).mcpCommand,
  verify: async () => (await import("./commands/verify.ts")).verifyCommand,
  bench: async () => (await import("./commands/bench.ts")).benchCommand,
  completion: async () => (await import("./commands/completion.ts")).completionCommand,
  version: async () => (await import("./commands/version.ts")).versionCommand,
};

/** Commands that are there for programs, and that no help lists. */
export const HIDDEN_COMMANDS: typeof COMMANDS = {
  __names: async () => (await import("./commands/names.ts")).namesCommand,
};
