import type { FirecrackerSchemas } from "@bandsox/core/engine-parts";
import type { z } from "zod";
import { ApiFault } from "./fault.ts";

type Body<Name extends keyof FirecrackerSchemas> = z.infer<FirecrackerSchemas[Name]>;

const PAGES_PER_MIB = 256;

/** Firecracker's balloon, as far as its API shows it: the guest behind the double gives nothing up. */
export class Balloon {
  #config: Body<"Balloon">;
  readonly #memMib: number;

  constructor(config: Body<"Balloon">, memMib: number) {
    if (config.amount_mib > memMib)
      throw new ApiFault("Balloon config error: Amount of pages requested is too large.");
    this.#config = config;
    this.#memMib = memMib;
  }

  get config(): Body<"Balloon"> {
    return this.#config;
  }

  resize({ amount_mib }: Body<"BalloonUpdate">): void {
    if (amount_mib > this.#memMib)
      throw new ApiFault(`Balloon update error: Requested memory should be less than ${amount_mib}MiB`);
    this.#config = { ...this.#config, amount_mib };
  }

  setInterval({ stats_polling_interval_s }: Body<"BalloonStatsUpdate">): void {
    const isOn = (this.#config.stats_polling_interval_s ?? 0) > 0;
    if (isOn !== stats_polling_interval_s > 0)
      throw new ApiFault("Balloon update error: Statistics cannot be enabled/disabled after activation.");
    this.#config = { ...this.#config, stats_polling_interval_s };
  }

  statistics(): Body<"BalloonStats"> {
    const { amount_mib: mib, stats_polling_interval_s = 0 } = this.#config;
    if (stats_polling_interval_s === 0)
      throw new ApiFault("Balloon config error: Received stats query when stats are disabled.");
    const pages = mib * PAGES_PER_MIB;
    return { target_pages: pages, actual_pages: pages, target_mib: mib, actual_mib: mib };
  }
}

/** Carries out a request about a balloon that should be there. @throws {ApiFault} */
export function balloonRequest(balloon: Balloon | undefined, name: string, body: unknown): unknown {
  if (!balloon) {
    const isUpdate = name.startsWith("PATCH");
    throw new ApiFault(
      isUpdate ? "Balloon update error: Device not found" : "Balloon config error: No balloon device found.",
    );
  }
  switch (name) {
    case "GET /balloon":
      return balloon.config;
    case "GET /balloon/statistics":
      return balloon.statistics();
    case "PATCH /balloon":
      return balloon.resize(body as Body<"BalloonUpdate">);
  }
  return balloon.setInterval(body as Body<"BalloonStatsUpdate">);
}
