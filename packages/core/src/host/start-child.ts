import { execa } from "execa";

/**
 * Runs a program as `execa` does, but for its `cleanup`: that listens for signals, and ends this process at once where the
 * only other listener was one for `once`, which is how programs that use this library hear of a signal and then clean up.
 * A child that must not outlive this process is told by the kernel (`setpriv`) or by the end of its standard input.
 */
export const startChild = execa({ cleanup: false });
