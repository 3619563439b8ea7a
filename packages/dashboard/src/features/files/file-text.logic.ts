/** What the bytes of a file are to a reader. */
export type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary" }
  | { readonly kind: "large" };

/** Reads bytes as text, if they are UTF-8 without NUL and not more than `maxBytes`. */
export function decodeText(bytes: Uint8Array, maxBytes: number): FileText {
  if (bytes.length > maxBytes) return { kind: "large" };
  if (bytes.includes(0)) return { kind: "binary" };
  try {
    return { kind: "text", text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { kind: "binary" }; // no UTF-8: the answer
  }
}

/** Text as an editor gives it, whose lines end in `\n`, with the line ends it had before. */
export function withLineEnds(edited: string, before: string): string {
  const ends = before.match(/\r?\n/g) ?? [];
  const isWindows = ends.length > 0 && ends.every((end) => end === "\r\n");
  return isWindows ? edited.replace(/\r?\n/g, "\r\n") : edited;
}
