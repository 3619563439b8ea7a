import { once } from "node:events";
import { builtDashboardDir, serverLogger, startServer } from "@bandsox/server";
import { Option } from "@commander-js/extra-typings";
import { defaultStorageDir } from "bandsox";
import { argument } from "../args/argument.ts";
import { localCommand } from "../args/common-options.ts";
import { parseWholeNumber } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { tell } from "../print/tell.ts";

const PORT_MAX = 65_535;
const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

/** `bandsox serve`. */
export function serveCommand(context: CliContext) {
  return localCommand("serve")
    .description("serve the VMs of this machine over HTTP, with the dashboard, until interrupted; VMs run on")
    .option("--host <address>", "address to listen at (default: 127.0.0.1)")
    .option("--port <port>", "port to listen at, 0 for any free one (default: 8000)", argument(parsePort))
    .option(
      "--allow-origin <origin>",
      "origin of pages that may call, beside the server's own; repeatable",
      collect,
      [],
    )
    .option("--dashboard <dir>", "directory of a built dashboard to serve (default: this program's own)")
    .addOption(
      new Option(
        "--log-level <level>",
        "what is told on stderr, as lines of JSON: this and what is more urgent",
      )
        .choices(LOG_LEVELS)
        .default("info" as const),
    )
    .addHelpText("after", HELP)
    .action(async ({ host, port, dashboard, allowOrigin, logLevel, ...options }) => {
      await using bandsox = await context.openBandSox({
        storage: options.storage ?? defaultStorageDir(context.env),
      });
      const storageDir = options.storage ?? defaultStorageDir(context.env);
      const write = (line: string) => void context.stderr.write(line).catch(() => {}); // its end is no server's end
      const logger = serverLogger({ level: logLevel, write });
      const pages = { dashboardDir: dashboard ?? builtDashboardDir(), allowedOrigins: allowOrigin };
      await using server = await startServer({ bandsox, storageDir, host, port, logger, ...pages });
      const { url, credentials } = server;
      const opening = credentials ? told(credentials) : "";
      await tell(context, options, {
        json: { url, storageDir, ...(credentials ? { credentials } : {}) },
        text: `${opening}BandSox serves ${storageDir} at ${url}\n`,
        ids: [url],
      });
      if (!context.signal.aborted) await once(context.signal, "abort");
    });
}

const HELP = `
On 127.0.0.1 everyone on this machine may call, until \`bandsox auth init\`. The first start at any other address makes
a password and a key, and prints them once.

Examples:
  bandsox serve
  bandsox serve --host 0.0.0.0 --port 8000`;

/** Credentials as they are printed, once. */
export function told({ password, key, keyId }: { password: string; key: string; keyId: string }): string {
  return `admin password: ${password}\nAPI key:        ${key}\nkey id:         ${keyId}\nKeep them: they cannot be shown again.\n`;
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function parsePort(text: string): number {
  const port = parseWholeNumber(text);
  if (port > PORT_MAX) throw new RangeError(`a port is at most ${PORT_MAX}`);
  return port;
}
