import { type ExecResult, isBandSoxError } from "@bandsox/contract";
import { nanoid } from "nanoid";
import { z } from "zod";

const PACKAGES_MAX = 256;

/** A package as `pip install` takes it, e.g. `requests==2.32.3`; never an option of pip's. */
const PackageName = z
  .string()
  .min(1, "a package has a name")
  .max(1000)
  .regex(/^[^-\p{Cc}][^\p{Cc}]*$/u, "a package does not start with `-` and has no control characters");
export const Packages = z.array(PackageName).max(PACKAGES_MAX);

const REMOVE = "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)";

/** Runs one command of several to its end. */
export type RunStep = (argv: readonly string[]) => Promise<ExecResult>;

/** Where a virtual environment is in the guest. */
export interface Venv {
  readonly dir: string;
  readonly python: string;
}

/** A place for a virtual environment that nothing else uses. */
export function newVenv(): Venv {
  const dir = `/tmp/bandsox-venv-${nanoid()}`;
  return { dir, python: `${dir}/bin/python` };
}

/**
 * Makes a virtual environment of the guest's own `python3` and installs packages into it: by `uv` where the image
 * has it, else by `venv` and `pip`. Neither is fetched when it is missing.
 *
 * @returns how the first command that failed ended, else the last
 */
export async function makeVenv(run: RunStep, venv: Venv, packages: readonly string[]): Promise<ExecResult> {
  const { make, install } = (await hasUv(run)) ? uvSteps(venv) : pipSteps(venv);
  const made = await run(make);
  return made.exitCode === 0 ? run([...install, "--", ...packages]) : made;
}

/** Removes a virtual environment. */
export async function removeVenv(run: RunStep, { dir }: Venv): Promise<void> {
  await run(["python3", "-c", REMOVE, dir]);
}

interface Steps {
  readonly make: readonly string[];
  readonly install: readonly string[];
}

function uvSteps({ dir, python }: Venv): Steps {
  const alone = ["--quiet", "--no-python-downloads", "--no-config"];
  return {
    make: ["uv", "venv", ...alone, "--python", "python3", dir],
    install: ["uv", "pip", "install", ...alone, "--python", python],
  };
}

function pipSteps({ dir, python }: Venv): Steps {
  return {
    make: ["python3", "-m", "venv", dir],
    install: [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"],
  };
}

async function hasUv(run: RunStep): Promise<boolean> {
  try {
    return (await run(["uv", "--version"])).exitCode === 0;
  } catch (error) {
    if (isBandSoxError(error, "exec_not_started")) return false;
    throw error;
  }
}
