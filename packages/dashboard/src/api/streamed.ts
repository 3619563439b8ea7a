import { type CallInput, fromProblem } from "@bandsox/client";
import type { Problem, RouteAnswer, RouteKey } from "@bandsox/contract/api";
import { parseLines } from "./ndjson.ts";
import { server } from "./server.ts";

/** What is told on the way of long work. */
export type Progress =
  | { readonly type: "stage"; readonly stage: string; readonly duration_ms: number }
  | { readonly type: "image"; readonly event: ImageProgress }
  | { readonly type: "line"; readonly line: string };

/** What is told of an image on its way into the store. */
export interface ImageProgress {
  readonly type: string;
  readonly digest?: string;
  readonly reference?: string;
  readonly state?: string;
  readonly sizeBytes?: number;
  readonly receivedBytes?: number;
}

type Line<A> =
  | Progress
  | { readonly type: "result"; readonly result: A }
  | { readonly type: "error"; readonly error: Problem };

/** Makes a call that takes long, and tells its progress on the way. @throws {BandSoxError} as the call itself */
export async function callStreamed<K extends RouteKey>(
  key: K,
  input: CallInput<K>,
  onProgress: (progress: Progress) => void,
): Promise<RouteAnswer<K>> {
  const response = await server.open(key, { ...input, accept: "application/x-ndjson", timeoutMs: 0 });
  if (response.body) {
    for await (const line of parseLines<Line<RouteAnswer<K>>>(response.body)) {
      if (line.type === "result") return line.result;
      if (line.type === "error") throw fromProblem(line.error);
      onProgress(line);
    }
  }
  throw new Error("the connection ended before the server said how it went");
}
