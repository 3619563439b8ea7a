import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";

const ROOT = resolve(import.meta.dirname, "..");

/**
 * Writes the command line as few files to a directory: hundreds of small ones take most of the time a short command
 * has. What `serve` needs stays where it is, for it is started once and looks for files of its own.
 */
async function bundle(directory: string): Promise<void> {
  await using build = await rolldown({
    input: join(ROOT, "packages/cli/src/main.ts"),
    platform: "node",
    external: ["@bandsox/server"],
    resolve: { conditionNames: ["bandsox-source", "import", "node", "default"] },
    logLevel: "warn",
  });
  await rm(directory, { recursive: true, force: true });
  await build.write({
    dir: directory,
    format: "esm",
    entryFileNames: "main.js",
    chunkFileNames: "[name]-[hash].js",
  });
}

await bundle(resolve(process.argv[2] ?? join(ROOT, "build/cli")));
