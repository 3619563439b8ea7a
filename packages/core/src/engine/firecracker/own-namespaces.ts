/** A file or directory that a program sees under another name as well. */
export interface Bind {
  readonly source: string;
  /** There already, of the same kind */
  readonly target: string;
}

export interface OwnNamespacesOptions {
  /** Path of util-linux's `unshare` */
  readonly unshare: string;
  readonly argv: readonly string[];
  /** Made before the program runs, and gone with it */
  readonly binds: readonly Bind[];
  /**
   * Whether whatever the program becomes is to end with the one that starts this. The kernel forgets such a tie when a
   * process changes its user; here the tied one is the first process of a process namespace, which it takes with it.
   */
  readonly tied: boolean;
}

/** Makes the binds, of which there are `$1`, and runs what follows them; as `exec` where nobody has to stay. */
const BIND_ALL =
  'n=$1; shift; while [ "$n" -gt 0 ]; do mount --bind -- "$1" "$2" || exit 1; shift 2; n=$((n-1)); done';

/** The command line that runs a program in namespaces of its own, or the program's where it needs none. */
export function inOwnNamespaces({ unshare, argv, binds, tied }: OwnNamespacesOptions): string[] {
  if (binds.length === 0 && !tied) return [...argv];
  const run = tied ? '"$@"; exit $?' : 'exec "$@"';
  return [
    ...[unshare, "--mount", "--propagation", "private"],
    ...(tied ? ["--pid", "--fork", "--kill-child"] : []),
    ...["--", "/bin/sh", "-c", `${BIND_ALL}; ${run}`, "bandsox"],
    ...[`${binds.length}`, ...binds.flatMap(({ source, target }) => [source, target]), ...argv],
  ];
}
