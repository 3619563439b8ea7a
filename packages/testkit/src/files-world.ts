import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { VmId } from "@bandsox/contract";
import { GuestClient, GuestConnections, VmFiles } from "@bandsox/core/ports";
import { startFakeAgent } from "./fake-agent.ts";
import { type FakeFiles, type FakeFilesHandler, fakeFiles } from "./fake-files.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface FilesWorld extends AsyncDisposable {
  readonly files: VmFiles;
  readonly guest: FakeFiles;
  /** The guest's root, on this host */
  readonly root: string;
  /** A directory of the test's own on this host */
  readonly host: string;
}

/** The files of a guest that is a directory of this host; `intercept` sees each request before the guest does. */
export async function filesWorld(
  options: { intercept?: FakeFilesHandler; stallMs?: number } = {},
): Promise<FilesWorld> {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const [root, host] = [join(path, "guest"), join(path, "host")];
  await Promise.all([mkdir(root), mkdir(host)]);
  const guest = fakeFiles(root);
  const { intercept, stallMs } = options;
  const socketPath = join(path, "agent.sock");
  const handler: FakeFilesHandler = async (request, response) =>
    (await intercept?.(request, response)) || guest.handler(request, response);
  stack.use(await startFakeAgent(socketPath, { files: handler }));
  const vmId = VmId.parse("vm_000000000000");
  const connections = stack.use(new GuestConnections());
  const connect = async () => new GuestClient({ vmId, socketPath, connections });
  const files = new VmFiles({ vmId, connect, ...(stallMs === undefined ? {} : { stallMs }) });
  return { files, guest, root, host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
