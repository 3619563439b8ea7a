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
