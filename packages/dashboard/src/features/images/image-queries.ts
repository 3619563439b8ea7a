import type { ImageInfo } from "@bandsox/contract";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { queryOptions } from "@tanstack/react-query";
import { server } from "../../api/server.ts";

/** All images of the store, the newest first. */
export const imagesQuery = queryOptions({
  queryKey: ["images"],
  queryFn: async ({ signal }): Promise<ImageInfo[]> =>
    fromWire<ImageInfo[]>((await server.call("GET /api/images", { signal })) as Wire<ImageInfo[]>),
});
