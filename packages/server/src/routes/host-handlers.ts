import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, freemem, loadavg, totalmem, uptime } from "node:os";
import type { HOST_ROUTES } from "@bandsox/contract/api";
import { defaultStorageDir, doctor } from "bandsox";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";

const KIB = 1024;

/** The machine the server runs on. */
export function hostHandlers({ storageDir }: Served): Handlers<keyof typeof HOST_ROUTES> {
  const path = storageDir ?? defaultStorageDir(process.env);
  return {
    "GET /api/host": async () => {
      const { bsize, blocks, bavail } = await statfs(path);
      return {
        ...{ cpus: availableParallelism(), load: loadavg(), uptime_seconds: uptime() },
        ...{ memory_total_bytes: totalmem(), memory_available_bytes: await availableMemory() },
        ...{ storage_total_bytes: blocks * bsize, storage_available_bytes: bavail * bsize },
      };
    },
    "GET /api/doctor": async ({ signal }) => {
      const { canRunVms, checks } = await doctor({ storageDir: path, signal });
      return { can_run_vms: canRunVms, checks: [...checks] };
    },
  };
}

/** What programs can still have, caches that would be given up included, which `freemem` leaves out. */
async function availableMemory(): Promise<number> {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1];
  return kib === undefined ? freemem() : Number(kib) * KIB;
}
