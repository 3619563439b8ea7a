// Measures BandSox on this machine: a table on stdout, everything in a JSON file. Arguments: ids of benchmarks
// (default: all), `--quick` for small sizes, `--engine <name>`, `--double` for the engine firecracker on its double, `--out <file>`, `--table <file>`
// for the table as well, `--write` to write docs/benchmarks.md.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { defaultBinDir } from "@bandsox/core";
import { installFirecrackerDouble } from "@bandsox/testkit";
import { BandSox, doctor } from "bandsox";
import type { Benchmark, Figure } from "./figure.ts";
import { busyboxRoot, storageIn } from "./ground.ts";
import { hostStamp } from "./host.ts";
import { page } from "./page.ts";
import { agent } from "./suite/agent.ts";
import { execConcurrent, execTrue, ping } from "./suite/calls.ts";
import { controlPlane } from "./suite/control-plane.ts";
import { firstImage } from "./suite/images.ts";
import { burst, firstCommand, lifecycleCost, sustained } from "./suite/lifecycle.ts";
import { networks } from "./suite/networks.ts";
import { ownTime } from "./suite/own-time.ts";
import { checkpoint, density, fork } from "./suite/states.ts";
import { stdoutStream, terminal } from "./suite/streams.ts";
import { files, trees } from "./suite/transfers.ts";
import { table } from "./table.ts";

const REPOSITORY = resolve(import.meta.dirname, "..");
const SUITE: readonly Benchmark[] = [
  firstImage,
  ping,
  execTrue,
  execConcurrent,
  stdoutStream,
  files,
  trees,
  terminal,
  controlPlane,
  firstCommand,
  burst,
  sustained,
  checkpoint,
  fork,
  density,
  lifecycleCost,
  networks,
  ownTime,
  agent,
];
/** Measuring changes no networks of this machine. */
const network = { byDefault: false } as const;
/** Heading of what is written by hand */
const KEPT = "## What bounds them";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    out: { type: "string" },
    table: { type: "string" },
    engine: { type: "string" },
    double: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const wanted = SUITE.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
const unknown = positionals.filter((id) => !SUITE.some((one) => one.id === id));
if (unknown.length > 0) {
  process.stderr.write(
    `no benchmark ${unknown.join(", ")}; there are: ${SUITE.map(({ id }) => id).join(", ")}\n`,
  );
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => stop.abort(new Error(`interrupted by ${signal}`)));
await main(stop.signal).catch((error: unknown) => {
  if (!stop.signal.aborted) throw error;
  process.stderr.write(`${stop.signal.reason.message}; what was made is removed\n`);
  process.exitCode = 130;
});

async function main(signal: AbortSignal): Promise<void> {
  const host = hostStamp(REPOSITORY);
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "bandsox-bench-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const engine = values.double ? await useDouble(dir) : values.engine;
  const storageDir = await storageIn(dir);
  const bandsox = stack.use(new BandSox({ storageDir, engine, network }));
  // As a registry's image is once it has been pulled; a directory would be read again for each VM.
  const image = "bench/busybox:1";
  await bandsox.images.import(`dir:${await busyboxRoot(dir)}`, image);
  // Those of a benchmark that was interrupted, too.
  stack.defer(async () => {
    for (const { id } of await bandsox.listVms()) await (await bandsox.getVm(id)).delete();
  });
  const vm = await bandsox.createVm(image, { memMib: 512, signal });
  const info = await vm.info();
  const lab = {
    vm,
    bandsox,
    storageDir,
    image,
    engine,
    reopen: () => new BandSox({ storageDir, engine, network }),
    dir,
    quick: values.quick,
    agentSocket: join(dir, "storage/vms", vm.id, "agent.sock"),
  };
  const figures: Figure[] = [];
  const interrupted = rejectionOf(signal);
  for (const benchmark of wanted) {
    process.stderr.write(`${benchmark.id} ${benchmark.title}\n`);
    figures.push(...(await Promise.race([benchmark.run(lab), interrupted])));
  }
  const out = values.out ?? join(REPOSITORY, `build/bench/${host.at.replaceAll(":", "-")}.json`);
  await mkdir(dirname(out), { recursive: true });
  const isEmulated = info.engine === "qemu" && (await isWithoutKvm());
  const about = { engine: info.engine, transport: info.transport, isEmulated };
  await writeFile(out, `${JSON.stringify({ host, vm: about, quick: values.quick, figures }, null, 2)}\n`);
  const machine = `${host.processor}, ${host.processors} processors, load ${host.load.toFixed(2)}, ${host.commit}`;
  const told = `${machine}\n\n${table(figures)}\n`;
  process.stdout.write(told);
  if (values.table) await writeFile(values.table, told);
  if (values.write) await writePage(page(host, about, figures));
  process.stderr.write(`written to ${out}\n`);
}

/** Rejects when this process is to end, so that what it has made is removed first. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // also between two benchmarks
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return promise;
}

async function isWithoutKvm(): Promise<boolean> {
  const { BANDSOX_ACCEL: asked } = process.env;
  if (asked) return asked === "tcg";
  const { checks } = await doctor();
  return !checks.some(({ id, ok }) => id === "kvm" && ok);
}

/** Replaces what the last run has written; what people wrote below it stays. */
async function writePage(written: string): Promise<void> {
  const path = join(REPOSITORY, "docs/benchmarks.md");
  const before = await readFile(path, "utf8").catch(() => "");
  const kept = before.includes(KEPT) ? before.slice(before.indexOf(KEPT)) : "";
  await writeFile(path, `${written}\n${kept}`);
  const biome = join(REPOSITORY, "node_modules/.bin/biome");
  await promisify(execFile)(biome, ["format", "--write", path], { cwd: REPOSITORY }); // as every page here is
}

/** Has the engine firecracker run on its double, whose guests are emulated. @returns the engine's name */
async function useDouble(dir: string): Promise<string> {
  process.env.BANDSOX_FIRECRACKER = await installFirecrackerDouble(join(dir, "double"), {
    binDir: defaultBinDir(process.env),
  });
  process.env.BANDSOX_ACCEL = "kvm";
  process.env.BANDSOX_PATIENCE = "8";
  return "firecracker";
}
