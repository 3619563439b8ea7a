import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { temporaryDirectory } from "@bandsox/testkit";
import { BandSox } from "bandsox";
import { expect, inject } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../../..");

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A storage of one test's own, the library and the command line on it, and a look at what is left behind. */
export interface World extends AsyncDisposable {
  readonly storage: string;
  /** A scratch directory for images and the like */
  readonly dir: string;
  readonly bandsox: BandSox;
  /** Starts `./bandsox` on this storage. */
  start(...args: string[]): ChildProcess;
  /** Runs `./bandsox` on this storage to its end. */
  cli(...args: string[]): Promise<CliResult>;
  /** Processes and mounts that have to do with this storage, as text. */
  leftovers(): string[];
}

/** Opens a world whose kernel is the run's shared one. Closing it asserts that nothing was left behind. */
export async function openWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const { path: dir } = stack.use(await temporaryDirectory());
  const storage = join(dir, "storage");
  const bootStorage = inject("bootStorage");
  if (!bootStorage)
    throw new Error("there is no guest kernel to run VMs with; the run's first lines say why");
  await mkdir(storage);
  await cp(join(bootStorage, "kernel"), join(storage, "kernel"), { recursive: true });
  stack.defer(() => expect(leftovers(dir)).toEqual([]));
  const bandsox = stack.use(new BandSox({ storageDir: storage }));
  stack.defer(async () => {
    for (const { id } of await bandsox.pools.list()) await bandsox.pools.remove(id);
    for (const { id } of await bandsox.listVms()) await (await bandsox.getVm(id)).delete();
  });
  const start = (...args: string[]) => startCli(storage, args);
  const cli = (...args: string[]) => finish(start(...args));
  return {
    storage,
    dir,
    bandsox,
    start,
    cli,
    leftovers: () => leftovers(dir),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function startCli(storage: string, args: readonly string[]): ChildProcess {
  return spawn(join(REPOSITORY, "bandsox"), args, {
    env: { ...process.env, BANDSOX_STORAGE: storage, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

/** Waits for a started command line and gathers what it said. */
export async function finish(child: ChildProcess): Promise<CliResult> {
  if (!child.stdout || !child.stderr) throw new Error("the child's output is not piped");
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, signal, stdout, stderr };
}

/** A root directory with a busybox and its usual names, enough for a shell. */
export async function busyboxRoot(dir: string): Promise<string> {
  const root = join(dir, "busybox-root");
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "etc"));
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  const names = [
    "sh",
    "cat",
    "date",
    "df",
    "echo",
    "env",
    "false",
    "head",
    "hostname",
    "httpd",
    "ip",
    "id",
    "ls",
    "md5sum",
    "nc",
    "nslookup",
    "ping",
    "pwd",
    "sleep",
    "stty",
    "sync",
    "true",
    "vi",
    "wget",
    "yes",
  ];
  for (const name of names) await symlink("busybox", join(root, "bin", name));
  return root;
}

function leftovers(dir: string): string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return [
    ...mounts.filter((line) => line.includes(dir)),
    ...processes().filter((line) => line.includes(dir)),
  ];
}

function processes(): string[] {
  const pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && name !== `${process.pid}`);
  return pids.map((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return `${pid}: ${command} in ${readlinkSync(`/proc/${pid}/cwd`)}`;
    } catch {
      return ""; // gone meanwhile
    }
  });
}
