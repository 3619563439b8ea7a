import { parseArgs } from "node:util";

/** What Firecracker's command line takes that means something here. */
export interface DoubleArguments {
  readonly apiSocket: string;
  readonly id: string;
  readonly wantsVersion: boolean;
  readonly configFile?: string | undefined;
  readonly hasApi: boolean;
  readonly logPath?: string | undefined;
  readonly metricsPath?: string | undefined;
}

/** Exit status of a command line that is refused. */
export const ARGUMENTS_REFUSED = 153;

/** Reads the command line. @throws {Error} that names what is wrong with it */
export function parseDoubleArguments(argv: readonly string[]): DoubleArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      "api-sock": { type: "string", default: "/run/firecracker.socket" },
      id: { type: "string", default: "anonymous-instance" },
      version: { type: "boolean", default: false },
      "config-file": { type: "string" },
      "no-api": { type: "boolean", default: false },
      "log-path": { type: "string" },
      level: { type: "string" },
      "show-level": { type: "boolean" },
      "show-log-origin": { type: "boolean" },
      "metrics-path": { type: "string" },
      "no-seccomp": { type: "boolean" },
      "start-time-us": { type: "string" },
      "start-time-cpu-us": { type: "string" },
      "parent-cpu-time-us": { type: "string" },
    },
  });
  if (!/^[A-Za-z0-9-]{1,64}$/.test(values.id)) throw new Error(`Invalid instance ID: ${values.id}`);
  if (values["no-api"] && values["config-file"] === undefined)
    throw new Error("Argument 'no-api' requires 'config-file' to also be present.");
  return {
    apiSocket: values["api-sock"],
    id: values.id,
    wantsVersion: values.version,
    configFile: values["config-file"],
    hasApi: !values["no-api"],
    logPath: values["log-path"],
    metricsPath: values["metrics-path"],
  };
}
