import { ApiFault } from "./fault.ts";
import { checkRequest } from "./request-check.ts";
import type { Vmm } from "./vmm.ts";

/** Makes the machine of a configuration file and starts it, by the requests that would make it. @throws {ApiFault} */
export async function bootFromFile(vmm: Vmm, version: string, content: string): Promise<void> {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(content);
  } catch (error) {
    throw new ApiFault(`Configuration for VMM from one single json failed: ${(error as Error).message}`);
  }
  for (const [section, value] of Object.entries(config)) {
    const items = Array.isArray(value) ? value : [value];
    for (const item of items) await put(vmm, version, { path: pathOf(section, item), body: item });
  }
  await put(vmm, version, { path: "/actions", body: { action_type: "InstanceStart" } });
}

function pathOf(section: string, item: Record<string, unknown>): string {
  const id = item.drive_id ?? item.iface_id;
  return id === undefined ? `/${section}` : `/${section}/${id}`;
}

async function put(
  vmm: Vmm,
  version: string,
  { path, body }: { path: string; body: unknown },
): Promise<void> {
  await vmm.handle(checkRequest(version, { method: "PUT", path, body: JSON.stringify(body) }));
}
