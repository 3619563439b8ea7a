// From an image to Python's answer: makes a VM, runs one program in it, shows where the time went, removes it.
import { BandSox, BandSoxError, type CreateStage, isBandSoxError, type Vm } from "bandsox";

const REGISTRY_IMAGE = "python:3-alpine";
const LOCAL_IMAGE = "bandsox/python:bookworm";
const BAR_WIDTH = 40;
const INTERRUPTED = 130;

const say = (text: string) => process.stdout.write(`${text}\n`);
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

const stages: { name: CreateStage | "exec"; durationMs: number }[] = [];

try {
  await main();
} catch (error) {
  if (!isBandSoxError(error, "interrupted")) throw error;
  process.stderr.write("interrupted; what was begun is removed\n");
  process.exitCode = INTERRUPTED;
}

async function main(): Promise<void> {
  await using bandsox = new BandSox();
  const vm = await createPythonVm(bandsox);
  try {
    await askPython(vm);
  } finally {
    await vm.delete();
  }
}

async function askPython(vm: Vm): Promise<void> {
  const { signal } = interrupted;
  say(`VM ${vm.id} is running; asking its Python`);
  const begun = performance.now();
  const result = await vm.execPythonCapture("print('Hello from VM!')", { signal });
  stages.push({ name: "exec", durationMs: performance.now() - begun });
  if (!result.success) throw new Error(`Python failed in the VM: ${result.error}`);
  showWaterfall();
  await vm.stop({ signal });
  say("VM stopped");
  say(result.stdout.trimEnd());
}

async function createPythonVm(bandsox: BandSox): Promise<Vm> {
  if (!(await bandsox.hasImage(LOCAL_IMAGE))) {
    try {
      say(`Creating a VM from ${REGISTRY_IMAGE}, from its registry or the store`);
      return await create(bandsox, REGISTRY_IMAGE);
    } catch (error) {
      if (!isOfRegistry(error)) throw error;
      say(`The registry does not give it (${error.message})`);
      say(`Building ${LOCAL_IMAGE} from Debian's mirror instead; this takes half a minute, once`);
      const recipe = { suite: "bookworm", include: ["python3"], reference: LOCAL_IMAGE, cmd: ["python3"] };
      await bandsox.buildDebianImage(recipe, { signal: interrupted.signal });
    }
  }
  say(`Creating a VM from ${LOCAL_IMAGE}, built here from Debian's mirror`);
  return create(bandsox, LOCAL_IMAGE);
}

/** Whether it is the registry that failed: out of reach, or it wants a login, or less haste. */
function isOfRegistry(error: unknown): error is BandSoxError {
  return error instanceof BandSoxError && error.code.startsWith("registry_");
}

function create(bandsox: BandSox, image: string): Promise<Vm> {
  stages.length = 0;
  const onStage = (name: CreateStage, durationMs: number) => stages.push({ name, durationMs });
  return bandsox.createVm(image, { onStage, signal: interrupted.signal });
}

function showWaterfall(): void {
  const total = stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
  let before = 0;
  for (const { name, durationMs } of stages) {
    const indent = " ".repeat(Math.round((before / total) * BAR_WIDTH));
    const bar = "█".repeat(Math.max(1, Math.round((durationMs / total) * BAR_WIDTH)));
    say(`  ${name.padEnd(7)}${durationMs.toFixed(0).padStart(7)} ms  ${indent}${bar}`);
    before += durationMs;
  }
  say(`  ${"total".padEnd(7)}${total.toFixed(0).padStart(7)} ms`);
}
