import type { DatabaseSync } from "node:sqlite";
import { ImageConfig } from "../image/image-config.ts";
import { transaction } from "./database.ts";

/** An image in the store: its manifest's digest and what a guest needs to know of its configuration. */
export interface ImageRecord {
  readonly digest: string;
  readonly config: ImageConfig;
  /** Sum of its compressed layers */
  readonly sizeBytes: number;
}

/** The `images` and `image_references` tables. */
export class ImageRecords {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Stores an image and points `reference` at it; `stamp` is what the source behind the reference looked like. */
  put(
    reference: string,
    image: ImageRecord,
    { now, stamp }: { now: Date; stamp?: string | undefined },
  ): void {
    const at = now.toISOString();
    transaction(this.#database, () => {
      this.#database
        .prepare("INSERT OR IGNORE INTO images (digest, config, size_bytes, created_at) VALUES (?, ?, ?, ?)")
        .run(image.digest, JSON.stringify(image.config), image.sizeBytes, at);
      this.#database
        .prepare(
          "INSERT OR REPLACE INTO image_references (reference, digest, updated_at, stamp) VALUES (?, ?, ?, ?)",
        )
        .run(reference, image.digest, at, stamp ?? null);
    });
  }

  /** Stores an image without a name: what stands on it keeps it. */
  adopt(image: ImageRecord, { now }: { now: Date }): void {
    this.#database
      .prepare("INSERT OR IGNORE INTO images (digest, config, size_bytes, created_at) VALUES (?, ?, ?, ?)")
      .run(image.digest, JSON.stringify(image.config), image.sizeBytes, now.toISOString());
  }

  /** The image of a reference; with a `stamp`, only if the source looked like that. */
  findByReference(reference: string, stamp?: string): ImageRecord | undefined {
    const row = this.#database
      .prepare(
        `SELECT i.* FROM images i JOIN image_references r USING (digest)
         WHERE r.reference = ?1 AND (?2 IS NULL OR r.stamp = ?2)`,
      )
      .get(reference, stamp ?? null);
    if (!row) return undefined;
    return {
      digest: String(row.digest),
      config: ImageConfig.parse(JSON.parse(String(row.config))),
      sizeBytes: Number(row.size_bytes),
    };
  }
}
