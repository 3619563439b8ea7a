import { readFileSync } from "node:fs";
import type { PublishedPort } from "@bandsox/contract";
import { z } from "zod";

const Published = z.array(z.object({ listen: z.string(), guest: z.string() }));

/** Where a VM's supervisor listens for its guest, as it wrote it down; `undefined` where it publishes nothing. */
export function findPublished(path: string): PublishedPort[] | undefined {
  try {
    return Published.parse(JSON.parse(readFileSync(path, "utf8"))).map(({ listen, guest }) => {
      const [address, host] = splitPort(listen);
      return { guest: splitPort(guest)[1], host, address };
    });
  } catch {
    return undefined; // it publishes nothing, or has ended
  }
}

function splitPort(text: string): readonly [address: string, port: number] {
  const at = text.lastIndexOf(":");
  return [text.slice(0, at).replace(/^\[|\]$/g, ""), Number(text.slice(at + 1))];
}
