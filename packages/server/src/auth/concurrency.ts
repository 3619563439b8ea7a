import { BandSoxError } from "@bandsox/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Identity } from "./auth-store.ts";

/** Counts what each key has under way, calls and streams alike, and bounds it. */
export class Concurrency {
  readonly #underWay = new Map<string, number>();

  /** Counts a call until its answer, or its WebSocket, has ended. @throws {BandSoxError} `limit_reached` */
  enter({ id, maxConcurrent }: Identity, request: FastifyRequest, reply: FastifyReply): void {
    if (maxConcurrent === undefined) return;
    const count = this.#underWay.get(id) ?? 0;
    if (count >= maxConcurrent) {
      const details = { limit: "max_concurrent", max: maxConcurrent };
      const message = `the key has ${count} calls under way, as many as it may`;
      throw new BandSoxError("limit_reached", message, details);
    }
    this.#underWay.set(id, count + 1);
    const isUpgrade = request.headers.upgrade !== undefined;
    (isUpgrade ? request.raw.socket : reply.raw).once("close", () => this.#leave(id));
  }

  #leave(id: string): void {
    const count = (this.#underWay.get(id) ?? 1) - 1;
    if (count > 0) this.#underWay.set(id, count);
    else this.#underWay.delete(id);
  }
}
