import { z } from "zod";
import { ImageDetails, ImageHistoryEntry, ImageInfo, ImageRemoval, ImageUsage } from "../image.ts";
import { VmSpec } from "../vm-spec.ts";
import { maybe, Switch } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

const Image = (wireSchema(ImageInfo) as z.ZodType).meta({ id: "Image" }) as ReturnType<
  typeof wireSchema<typeof ImageInfo>
>;
const named = z.object({ image: VmSpec.shape.image });
const streamed = ["application/x-ndjson", "text/event-stream"] as const;

/** The image store. An image's name holds slashes, so it is named in the query or the body. */
export const IMAGE_ROUTES = {
  "GET /api/images": { ...about("List images, the newest first", "read"), answer: z.array(Image) },
  "GET /api/images/usage": {
    ...about("What the image store occupies", "read"),
    answer: wireSchema(ImageUsage),
  },
  "GET /api/images/inspect": {
    ...about("What an image says of itself", "read"),
    ...{ query: named, answer: wireSchema(ImageDetails) },
  },
  "GET /api/images/history": {
    ...about("How an image was built", "read"),
    ...{ query: named, answer: z.array(wireSchema(ImageHistoryEntry)) },
  },
  "POST /api/images/pull": {
    ...about("Fetch an image, also when the store has it; streamed, its progress", "exec"),
    body: z.object({
      ...named.shape,
      platform: maybe(z.string().max(64)),
      creds: maybe(z.string().max(4096)),
    }),
    ...{ answer: Image, produces: streamed },
  },
  "POST /api/images/build": {
    ...about("Build an image from the text of a Dockerfile; streamed, its progress", "exec"),
    body: z.object({
      dockerfile: z.string().min(1).max(1_048_576),
      name: maybe(z.string().max(4096)),
      args: maybe(z.record(z.string(), z.string())),
      target: maybe(z.string().max(256)),
      no_cache: maybe(z.boolean()),
    }),
    ...{ answer: wireSchema(ImageInfo.extend({ name: z.string() })), produces: streamed },
    bodyLimitBytes: 2 * 1024 * 1024,
  },
  "DELETE /api/images": {
    ...about("Remove a name, and with the last one the image", "admin"),
    ...{ query: named, answer: wireSchema(ImageRemoval) },
  },
  "POST /api/images/prune": {
    ...about("Remove images without a name; with `all` those no VM was made from", "admin"),
    ...{ query: z.object({ all: Switch.optional() }), answer: wireSchema(ImageRemoval) },
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Images" } as const;
}
