/** What Firecracker refuses a request with. */
export class ApiFault extends Error {
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

/** Firecracker's way to tell an error of the system. */
export function osError(error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ENOENT: "No such file or directory",
    EACCES: "Permission denied",
    EADDRINUSE: "Address already in use",
    EISDIR: "Is a directory",
    ENOSPC: "No space left on device",
  };
  return `${words[code ?? ""] ?? code ?? error} (os error ${Math.abs(errno ?? 0)})`;
}
