import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TRAITS_VARIABLE, type Traits } from "./traits.ts";

const MAIN = join(import.meta.dirname, "main.ts");

/** Puts a program into a directory that can stand for `firecracker`. @returns its path */
export async function installFirecrackerDouble(
  dir: string,
  traits: Partial<Traits> & Pick<Traits, "binDir">,
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, "firecracker");
  const flags = "--conditions=bandsox-source --disable-warning=ExperimentalWarning";
  const script = [
    "#!/bin/sh",
    `export ${TRAITS_VARIABLE}=${quoted(JSON.stringify(traits))}`,
    `exec ${quoted(process.execPath)} ${flags} ${quoted(MAIN)} "$@"`,
  ].join("\n");
  await writeFile(path, `${script}\n`);
  await chmod(path, 0o755);
  return path;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
