import type { TransferProgress } from "@bandsox/contract";

/** Ends a call when it fires. */
export interface Abortable {
  signal?: AbortSignal | undefined;
}

/** What may be written: text as UTF-8, bytes, a file of a browser's, or pieces as they come. */
export type FileContent =
  | string
  | Uint8Array
  | Blob
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>;

export interface ReadOptions extends Abortable {
  /** First byte (default: `0`) */
  offset?: number | undefined;
  /** Bytes at most (default: to the end) */
  length?: number | undefined;
}

export interface PlaceOptions extends Abortable {
  mode?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
  /** Make missing directories (default: `true`) */
  parents?: boolean | undefined;
}

/** Lines of a text file, and what is shown around them. */
export interface ReadLinesOptions extends Abortable {
  offset?: number | undefined;
  limit?: number | undefined;
  showLineNumbers?: boolean | undefined;
  showHeader?: boolean | undefined;
  showFooter?: boolean | undefined;
}

export interface TreeOptions extends Abortable {
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  onProgress?: ((progress: TransferProgress) => void) | undefined;
}

export interface ExtractOptions extends Abortable {
  parents?: boolean | undefined;
  replace?: boolean | undefined;
  keepOwner?: boolean | undefined;
}
