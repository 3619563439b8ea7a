/** What the command line ends with when it is not the guest command's own code. */
export const EXIT = {
  ok: 0,
  /** A check of `doctor` says VMs cannot run */
  unhealthy: 1,
  /** The command line itself is wrong */
  usage: 2,
  /** BandSox failed, as opposed to the command in the guest */
  failed: 125,
  interrupted: 130,
} as const;

/** How a command asks for an exit code of its own. */
export class ExitWith extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit with ${exitCode}`);
    this.exitCode = exitCode;
  }
}
