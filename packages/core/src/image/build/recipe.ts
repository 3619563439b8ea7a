import { BandSoxError } from "@bandsox/contract";

export interface BuildRecipe {
  /** Dockerfile on the host */
  readonly dockerfile: string;
  /** The only directory `COPY` and `ADD` read from; its `.dockerignore` holds */
  readonly context: string;
  /** `ARG` values */
  readonly args: Readonly<Record<string, string>>;
  /** Stage to stop at (default: the last) */
  readonly target?: string | undefined;
  /** Run every step again (default: `false`) */
  readonly noCache?: boolean | undefined;
}

/** The options of a build that all builders spell alike. */
export function commonBuildArgs({ args, target }: BuildRecipe): string[] {
  const assignments = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  return [...assignments, ...(target === undefined ? [] : ["--target", target])];
}

/**
 * What no program can be given: the kernel ends an argument at a NUL, and an `ARG` without a name would set another.
 *
 * @throws {BandSoxError} `invalid_argument`
 */
export function assertBuildWords({
  args = {},
  target,
}: {
  readonly args?: BuildRecipe["args"] | undefined;
  readonly target?: string | undefined;
}): void {
  for (const [name, value] of Object.entries(args)) {
    if (name === "" || name.includes("="))
      throw unusable("args", name, "the name of a build argument is empty or holds =");
    if (`${name}${value}`.includes("\0")) throw unusable("args", name, "a build argument holds a NUL");
  }
  if (target?.includes("\0")) throw unusable("target", target, "the stage to stop at holds a NUL");
}

function unusable(field: string, found: string, reason: string): BandSoxError {
  return new BandSoxError("invalid_argument", `cannot build an image: ${reason}`, { field, found });
}
