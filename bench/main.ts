// Measures BandSox on this machine: a table on stdout, everything in a JSON file. Arguments: ids of benchmarks
// (default: all), `--quick` for small sizes, `--engine <name>`, `--out <file>`.
import { copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { defaultBinDir, defaultStorageDir, ensureBootFiles } from "@bandsox/core";
import { BandSox } from "bandsox";
import type { Benchmark, Figure } from "./figure.ts";
import { hostStamp } from "./host.ts";
import { execConcurrent, execTrue, ping } from "./suite/calls.ts";
import { firstImage } from "./suite/images.ts";
import { burst, firstCommand, lifecycleCost, sustained } from "./suite/lifecycle.ts";
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
  firstCommand,
  burst,
  sustained,
  checkpoint,
  fork,
  density,
  lifecycleCost,
];
/** Measuring changes no networks of this machine. */
const network = { byDefault: false } as const;
const PROGRAMS = ["sh", "cat", "dd", "echo", "head", "true", "yes"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    out: { type: "string" },
    engine: { type: "string" },
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
await main();

async function main(): Promise<void> {
  const host = hostStamp(REPOSITORY);
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "bandsox-bench-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const { engine } = values;
  const storageDir = await storageIn(dir);
  const bandsox = stack.use(new BandSox({ storageDir, engine, network }));
  const image = `dir:${await busyboxRoot(dir)}`;
  const vm = await bandsox.createVm(image, { memMib: 512 });
  stack.defer(() => vm.delete());
  const info = await vm.info();
  const lab = {
    vm,
    bandsox,
    image,
    engine,
    reopen: () => new BandSox({ storageDir, engine, network }),
    dir,
    quick: values.quick,
    agentSocket: join(dir, "storage/vms", vm.id, "agent.sock"),
  };
  const figures: Figure[] = [];
  for (const benchmark of wanted) {
    process.stderr.write(`${benchmark.id} ${benchmark.title}\n`);
    figures.push(...(await benchmark.run(lab)));
  }
  const out = values.out ?? join(REPOSITORY, `build/bench/${host.at.replaceAll(":", "-")}.json`);
  await mkdir(dirname(out), { recursive: true });
  const about = { engine: info.engine, transport: info.transport };
  await writeFile(out, `${JSON.stringify({ host, vm: about, quick: values.quick, figures }, null, 2)}\n`);
  process.stdout.write(`${table(host, figures)}\n`);
  process.stderr.write(`written to ${out}\n`);
}

/** A storage of the run's own, with the kernel that `make setup` obtained and the agent as it is built now. */
async function storageIn(dir: string): Promise<string> {
  const storage = join(dir, "storage");
  await mkdir(storage);
  await cp(join(defaultStorageDir(process.env), "kernel"), join(storage, "kernel"), { recursive: true });
  await ensureBootFiles({
    storageDir: storage,
    agentPath: join(defaultBinDir(process.env), "bandsox-agent"),
  });
  return storage;
}

async function busyboxRoot(dir: string): Promise<string> {
  const root = join(dir, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  for (const name of PROGRAMS) await symlink("busybox", join(root, "bin", name));
  return root;
}
