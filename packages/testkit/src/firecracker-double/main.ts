/** A stand-in for the `firecracker` program: its command line, its API, its sockets and files, over a guest in QEMU. */
import { appendFile, readFile } from "node:fs/promises";
import { apiServer } from "./api-server.ts";
import { ARGUMENTS_REFUSED, type DoubleArguments, parseDoubleArguments } from "./arguments.ts";
import { bootFromFile } from "./boot-from-file.ts";
import { ApiFault } from "./fault.ts";
import { TRAITS_VARIABLE, Traits } from "./traits.ts";
import { Vmm } from "./vmm.ts";

const BAD_CONFIGURATION = 152;
/** What the double says that it has counted since the line before, whatever the guest did. */
const COUNTED = {
  block_layer: {
    ...{ read_bytes: 4096, write_bytes: 8192, read_count: 1, write_count: 2, flush_count: 1 },
    rate_limiter_throttled_events: 0,
  },
  vsock: { rx_bytes_count: 100, tx_bytes_count: 200 },
};

async function main(argv: readonly string[]): Promise<void> {
  const traits = Traits.parse(JSON.parse(process.env[TRAITS_VARIABLE] ?? "{}"));
  let args: DoubleArguments;
  try {
    args = parseDoubleArguments(argv);
  } catch (error) {
    process.stderr.write(`Error: ParseArguments(${(error as Error).message})\n`);
    process.exit(ARGUMENTS_REFUSED);
  }
  if (args.wantsVersion) {
    process.stdout.write(`Firecracker v${traits.version}\n\n`);
    process.exit(0);
  }
  await serve(args, traits);
}

async function serve(args: DoubleArguments, traits: Traits): Promise<void> {
  const { id, logPath, metricsPath } = args;
  const write = async (path: string | undefined, line: string) => path && appendFile(path, `${line}\n`);
  const log = (level: "Error" | "Info", line: string) => {
    if (level === "Error") void write(logPath, `${new Date().toISOString()} [${id}:${level}] ${line}`);
  };
  const started = Date.now();
  const flushMetrics = async () => {
    const line = {
      utc_timestamp_ms: Date.now(),
      api_server: { process_startup_time_us: 1 },
      vmm: { panic_count: 0 },
      ...COUNTED,
    };
    await write(metricsPath, JSON.stringify({ ...line, uptime: { ms: Date.now() - started } }));
  };
  const vmm = new Vmm({ id, traits, flushMetrics, onEnd: (code) => process.exit(code) });
  if (args.configFile !== undefined) {
    try {
      await bootFromFile(vmm, traits.version, await readFile(args.configFile, "utf8"));
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      process.stderr.write(`Error: RunWithoutApiError(${error.message})\n`);
      process.exit(BAD_CONFIGURATION);
    }
  }
  if (!args.hasApi || traits.withoutApi) return void setInterval(() => {}, 1 << 30);
  const server = apiServer({ version: traits.version, log, handle: (request) => vmm.handle(request) });
  server.on("error", (error) => {
    process.stderr.write(`Error: RunWithApi(FailedToBindSocket(${error.message}))\n`);
    process.exit(1);
  });
  server.listen(args.apiSocket);
}

await main(process.argv.slice(2));
