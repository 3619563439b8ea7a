import { createServer, type IncomingMessage, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { ApiFault } from "./fault.ts";
import { type CheckedRequest, checkRequest } from "./request-check.ts";

/** Carries a request out. @returns what it answers, if anything */
export type Handler = (request: CheckedRequest) => Promise<unknown>;

export interface ApiServerOptions {
  readonly version: string;
  readonly handle: Handler;
  readonly log: (level: "Error" | "Info", line: string) => void;
}

/** Firecracker's API server: one request after the other, whoever sends them. */
export function apiServer({ version, handle, log }: ApiServerOptions): Server {
  let last: Promise<unknown> = Promise.resolve();
  const answer = async (incoming: IncomingMessage): Promise<{ status: number; body?: unknown }> => {
    const body = await text(incoming);
    const request = { method: incoming.method ?? "", path: incoming.url ?? "", body };
    try {
      const result = await handle(checkRequest(version, request));
      return result === undefined ? { status: 204 } : { status: 200, body: result };
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      log("Error", `Received Error. Status code: ${error.status}. Message: ${error.message}`);
      return { status: error.status, body: { fault_message: error.message } };
    }
  };
  return createServer((incoming, outgoing) => {
    last = last
      .then(() => answer(incoming))
      .then(
        ({ status, body }) => {
          outgoing.statusCode = status;
          outgoing.setHeader("content-type", "application/json");
          outgoing.end(body === undefined ? undefined : JSON.stringify(body));
        },
        (error: unknown) => {
          process.stderr.write(`the double failed: ${error instanceof Error ? error.stack : error}\n`);
          process.exit(1);
        },
      );
  });
}
