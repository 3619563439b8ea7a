import type { DatabaseSync } from "node:sqlite";
import { ImageConfig } from "../image/image-config.ts";
import { transaction } from "./database.ts";

/** An image's row and the names that point at it. */
export interface CatalogEntry {
  readonly digest: string;
  readonly references: readonly string[];
  readonly config: ImageConfig;
  readonly sizeBytes: number;
  readonly createdAt: string;
}

/** Something that keeps an image: a VM, by its digest, or by its name while the VM is being made. */
export interface ImagePin {
  /** A VM's id */
  readonly by: string;
  readonly digest?: string | undefined;
  readonly reference?: string | undefined;
}

/** The images of the store as a whole; what `ImageRecords` is for one. */
export class ImageCatalog {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** All images, the newest first. */
  list(): CatalogEntry[] {
    const rows = this.#database
      .prepare(
        `SELECT i.*, (SELECT json_group_array(reference ORDER BY reference) FROM image_references r
           WHERE r.digest = i.digest) AS names
         FROM images i ORDER BY i.created_at DESC, i.digest`,
      )
      .all();
    return rows.map((row) => ({
      digest: String(row.digest),
      references: JSON.parse(String(row.names)) as string[],
      config: ImageConfig.parse(JSON.parse(String(row.config))),
      sizeBytes: Number(row.size_bytes),
      createdAt: String(row.created_at),
    }));
  }

  /** Takes names away; the images stay. */
  unname(references: readonly string[]): void {
    const statement = this.#database.prepare("DELETE FROM image_references WHERE reference = ?");
    for (const reference of references) statement.run(reference);
  }

  /** Forgets images and their names; their files are for the caller to remove. */
  forget(digests: readonly string[]): void {
    const names = this.#database.prepare("DELETE FROM image_references WHERE digest = ?");
    const images = this.#database.prepare("DELETE FROM images WHERE digest = ?");
    for (const digest of digests) {
      names.run(digest);
      images.run(digest);
    }
  }

  /** Runs a decision and what follows from it as one: nobody starts to use an image in between. */
  decide<T>(body: () => T): T {
    return transaction(this.#database, body);
  }
}
