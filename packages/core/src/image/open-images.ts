import type { DatabaseSync } from "node:sqlite";
import { ImageCatalog } from "../store/image-catalog.ts";
import { ImageGuard } from "../store/image-guard.ts";
import { ImageRecords } from "../store/image-records.ts";
import type { Leases } from "../store/leases.ts";
import { ImageStore, type ImageStoreOptions } from "./image-store.ts";
import { Images, type ImagesOptions } from "./images.ts";

export interface OpenImagesOptions
  extends Omit<ImageStoreOptions, "records" | "guard">,
    Omit<ImagesOptions, "store" | "catalog" | "guard"> {
  readonly database: DatabaseSync;
  readonly leases: Leases;
}

/** The image store of a storage, as VMs need it (`store`) and as people look after it (`library`). */
export interface OpenImages {
  readonly store: ImageStore;
  readonly library: Images;
  readonly records: ImageRecords;
}

export function openImages({ database, leases, ...options }: OpenImagesOptions): OpenImages {
  const guard = new ImageGuard(database, leases);
  const records = new ImageRecords(database);
  const store = new ImageStore({ ...options, records, guard });
  const library = new Images({ ...options, store, guard, catalog: new ImageCatalog(database) });
  return { store, library, records };
}
