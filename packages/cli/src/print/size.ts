const BYTES_PER_MEBIBYTE = 1_048_576;

/** A number of bytes for people. */
export function mebibytes(bytes: number): string {
  return `${(bytes / BYTES_PER_MEBIBYTE).toFixed(1)} MiB`;
}
