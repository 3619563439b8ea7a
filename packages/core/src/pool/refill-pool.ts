import { isBandSoxError, type PoolId } from "@bandsox/contract";
import type { VmPorts } from "../vm/vm-ports.ts";
import { fillPool } from "./fill-pool.ts";

/** Fills a pool in the background of this process. Closing the storage interrupts it; whoever takes the next VM goes on. */
export function refillPool(ports: VmPorts, id: PoolId): void {
  ports.operations
    .run(undefined, (signal) => fillPool(ports, id, signal))
    .catch((error: unknown) => {
      const isClosing = isBandSoxError(error, "interrupted") || isBandSoxError(error, "storage_closed");
      if (!isClosing) ports.warn(`could not fill ${id}: ${error instanceof Error ? error.message : error}`);
    });
}
