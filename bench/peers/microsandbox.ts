import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { System } from "./system.ts";

/** What is used of https://www.npmjs.com/package/microsandbox, as its declarations have it. */
interface Library {
  readonly Sandbox: { builder(name: string): Builder };
  MiB(count: number): unknown;
}
interface Builder {
  image(source: string): Builder;
  cpus(count: number): Builder;
  memory(size: unknown): Builder;
  create(): Promise<Sandbox>;
}
interface Sandbox {
  exec(program: string, args: readonly string[]): Promise<{ stdout(): string }>;
  fs(): {
    copyFromHost(from: string, to: string): Promise<void>;
    copyToHost(from: string, to: string): Promise<void>;
  };
  destroy(options?: { force?: boolean }): Promise<void>;
}

/** microsandbox, as it is installed in that directory's `node_modules`; it needs KVM. */
export async function microsandbox(installedIn: string): Promise<System> {
  const dir = join(installedIn, "node_modules/microsandbox");
  const { version, main } = JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
  const { Sandbox, MiB }: Library = await import(pathToFileURL(join(dir, main)).href);
  let made = 0;
  return {
    name: "microsandbox",
    version,
    async create(rootDir) {
      made += 1;
      const sandbox = await Sandbox.builder(`bench-${process.pid}-${made}`)
        .image(rootDir)
        .cpus(1)
        .memory(MiB(512))
        .create();
      return {
        run: async ([program, ...args]) => (await sandbox.exec(program, args)).stdout(),
        upload: (from, to) => sandbox.fs().copyFromHost(from, to),
        download: (from, to) => sandbox.fs().copyToHost(from, to),
        remove: () => sandbox.destroy({ force: true }),
      };
    },
  };
}
