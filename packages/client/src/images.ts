import type { ImageDetails, ImageHistoryEntry, ImageInfo, ImageRemoval, ImageUsage } from "@bandsox/contract";
import { fromWire } from "@bandsox/contract/wire";
import { notRemote } from "./error.ts";
import { callWithProgress } from "./progress.ts";
import type { Transport } from "./transport.ts";

interface Abortable {
  signal?: AbortSignal | undefined;
}

export interface PullOptions extends Abortable {
  /** OCI platform instead of the server's, e.g. `linux/amd64/v3` */
  platform?: string | undefined;
  /** `user:password` for the registry of the reference */
  creds?: string | undefined;
  /** Called with what fetching the image does */
  onEvent?: ((event: never) => void) | undefined;
}

export interface BuildOptions extends Abortable {
  name?: string | undefined;
  args?: Readonly<Record<string, string>> | undefined;
  target?: string | undefined;
  noCache?: boolean | undefined;
  onLine?: ((line: string) => void) | undefined;
  onEvent?: ((event: never) => void) | undefined;
}

/** The image store of a server. */
export class RemoteImages {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Fetches an image, also when the store has one of that name: a moved tag is followed. */
  async pull(image: string, { platform, creds, onEvent, signal }: PullOptions = {}): Promise<ImageInfo> {
    const onLine = (line: { type?: unknown; event?: unknown }) => onEvent?.(line.event as never);
    const call = { body: { image, platform, creds }, signal, onLine };
    return fromWire<ImageInfo>(await callWithProgress(this.#transport, "POST /api/images/pull", call));
  }

  /** Builds an image from the text of a Dockerfile on the server, which sees none of this machine's files. */
  async build(
    dockerfile: string,
    options: BuildOptions = {},
  ): Promise<ImageInfo & { readonly name: string }> {
    if (!dockerfile.includes("\n")) throw notRemote("images.build with a path");
    const { noCache: no_cache, args, name, target, onLine: told, onEvent, signal } = options;
    const onLine = (event: { type?: unknown; line?: unknown; event?: unknown }) => {
      if (event.type === "line") told?.(String(event.line));
      else onEvent?.(event.event as never);
    };
    const call = { body: { dockerfile, no_cache, args: args && { ...args }, name, target }, signal, onLine };
    return fromWire<ImageInfo & { name: string }>(
      await callWithProgress(this.#transport, "POST /api/images/build", call),
    );
  }

  /** Reading a source of this machine into the server's store is not possible. */
  async import(): Promise<ImageInfo> {
    throw notRemote("images.import");
  }

  /** All images, the newest first. */
  async list(): Promise<ImageInfo[]> {
    return fromWire<ImageInfo[]>(await this.#transport.call("GET /api/images", {}));
  }

  /** What the store occupies on the disk; what images share is counted once. */
  async usage(): Promise<ImageUsage> {
    return fromWire<ImageUsage>(await this.#transport.call("GET /api/images/usage", {}));
  }

  /** An image by name, digest, or the start of its digest. @throws {BandSoxError} `image_unknown` */
  async inspect(image: string): Promise<ImageDetails> {
    return fromWire<ImageDetails>(
      await this.#transport.call("GET /api/images/inspect", { query: { image } }),
    );
  }

  /** How an image was built, the first step first. @throws {BandSoxError} `image_unknown` */
  async history(image: string): Promise<ImageHistoryEntry[]> {
    return fromWire<ImageHistoryEntry[]>(
      await this.#transport.call("GET /api/images/history", { query: { image } }),
    );
  }

  /** Removes a name, and with the last one the image. @throws {BandSoxError} `image_unknown`, `image_in_use` */
  async remove(image: string, { signal }: Abortable = {}): Promise<ImageRemoval> {
    return fromWire<ImageRemoval>(
      await this.#transport.call("DELETE /api/images", { query: { image }, signal }),
    );
  }

  /** Removes images without a name (`all`: every image no VM was made from) and what interrupted work left. */
  async prune({ all = false, signal }: { all?: boolean } & Abortable = {}): Promise<ImageRemoval> {
    const call = { query: { all: all ? "1" : "0" }, signal, timeoutMs: 0 } as const;
    return fromWire<ImageRemoval>(await this.#transport.call("POST /api/images/prune", call));
  }
}
