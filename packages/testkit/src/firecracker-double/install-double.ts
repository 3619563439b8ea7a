import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TRAITS_VARIABLE, type Traits } from "./traits.ts";

const FLAGS = "--conditions=bandsox-source --disable-warning=ExperimentalWarning";

/** Puts a program into a directory that can stand for `firecracker`. @returns its path */
export async function installFirecrackerDouble(
  dir: string,
  traits: Partial<Traits> & Pick<Traits, "binDir">,
): Promise<string> {
  return install(dir, "firecracker", {
    main: "main.ts",
    environment: `export ${TRAITS_VARIABLE}=${quoted(JSON.stringify(traits))}`,
  });
}

/** Puts a program beside a double of Firecracker that can stand for its `jailer`. @returns its path */
export function installJailerDouble(dir: string): Promise<string> {
  return install(dir, "jailer", { main: "jailer-main.ts", environment: ":" });
}

async function install(
  dir: string,
  name: string,
  { main, environment }: { main: string; environment: string },
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, name);
  const program = quoted(join(import.meta.dirname, main));
  await writeFile(
    path,
    `#!/bin/sh\n${environment}\nexec ${quoted(process.execPath)} ${FLAGS} ${program} "$@"\n`,
  );
  await chmod(path, 0o755);
  return path;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
