import type { FileEntry, TreeResult } from "@bandsox/contract";
import type {
  Abortable,
  ExtractOptions,
  FileContent,
  PlaceOptions,
  ReadOptions,
  TreeOptions,
} from "./file-options.ts";

/** What copying to and from a VM needs of its files. */
export interface GuestFiles {
  readonly vmId: string;
  stat(path: string, options?: Abortable): Promise<FileEntry>;
  readStream(path: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  write(path: string, content: FileContent, options?: PlaceOptions): Promise<FileEntry>;
  archive(path: string, options?: TreeOptions): AsyncIterable<Uint8Array>;
  extract(path: string, tar: AsyncIterable<Uint8Array>, options?: ExtractOptions): Promise<TreeResult>;
}

type Paths = readonly [from: string, to: string];

/** Copies between a VM and the files of the machine the client runs on, where it has some. */
export interface HostFiles {
  uploadFile(files: GuestFiles, paths: Paths, options: object): Promise<FileEntry>;
  downloadFile(
    files: GuestFiles,
    paths: readonly [string, string],
    options: object,
  ): Promise<{ bytes: number }>;
  uploadTree(files: GuestFiles, paths: Paths, options: object): Promise<TreeResult>;
  downloadTree(files: GuestFiles, paths: Paths, options: object): Promise<TreeResult>;
  /** Writes a file that must not exist; it appears when it is whole */
  writeNew(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** A file's bytes, as they are sent */
  open(path: string): Promise<BodyInit>;
}
