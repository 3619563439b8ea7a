import { type IMAGE_ROUTES, toWire } from "@bandsox/contract/api";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";
import { assertSource } from "./create-vm.ts";
import { given } from "./given.ts";
import { progressAnswer } from "./progress-answer.ts";

/** The image store. */
export function imageHandlers({ bandsox }: Served): Handlers<keyof typeof IMAGE_ROUTES> {
  const { images } = bandsox;
  return {
    "GET /api/images": async () => toWire(await images.list()),
    "GET /api/images/usage": async () => toWire(await images.usage()),
    "GET /api/images/inspect": async ({ query }) => toWire(await images.inspect(query.image)),
    "GET /api/images/history": async ({ query }) => toWire(await images.history(query.image)),
    "POST /api/images/pull": (call) =>
      progressAnswer(call, async (tell, signal) => {
        const { image, platform, creds } = call.body;
        assertSource(image, call.request.identity);
        const onEvent = (event: object) => tell({ type: "image", event });
        return toWire(await images.pull(image, { ...given({ platform, creds }), onEvent, signal }));
      }),
    "POST /api/images/build": (call) =>
      progressAnswer(call, async (tell, signal) => {
        const { dockerfile, no_cache: noCache, ...options } = call.body;
        const onLine = (line: string) => tell({ type: "line", line });
        const onEvent = (event: object) => tell({ type: "image", event });
        // Text is told from a path of this host by its newline.
        const how = { ...given({ ...options, noCache }), onLine, onEvent, signal };
        return toWire(await images.build(`${dockerfile}\n`, how));
      }),
    "DELETE /api/images": async ({ query, signal }) => toWire(await images.remove(query.image, { signal })),
    "POST /api/images/prune": async ({ query, signal }) =>
      toWire(await images.prune({ all: query.all ?? false, signal })),
  };
}
