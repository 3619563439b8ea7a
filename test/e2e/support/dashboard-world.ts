import type { CreateVmOptions, Vm } from "bandsox";
import type { Browser } from "playwright-core";
import {
  type DashboardServer,
  type DashboardWindow,
  logIn,
  openBrowser,
  openServer,
  openWindow,
} from "./dashboard.ts";
import { busyboxRoot, openWorld, type World } from "./world.ts";

/** Machines are emulated, and shared with others: what takes a moment elsewhere may take this long. */
export const PATIENCE_MS = 120_000;

/** A server with a VM, and a window in which somebody has logged in. */
export interface DashboardWorld {
  readonly world: World;
  readonly server: DashboardServer;
  readonly browser: Browser;
  readonly window: DashboardWindow;
  readonly vm: Vm;
}

/** Opens all of it, to be closed with the stack. */
export async function openDashboard(
  opened: AsyncDisposableStack,
  wanted: Pick<CreateVmOptions, "env" | "networking"> = {},
): Promise<DashboardWorld> {
  const world = opened.use(await openWorld());
  const image = `dir:${await busyboxRoot(world.dir)}`;
  const options = { name: "box", memMib: 128, metadata: { team: "a" }, ...wanted };
  const vm = await world.bandsox.createVm(image, options);
  // After the VM: a network that comes up has a browser give up on whatever it is loading.
  const server = opened.use(await openServer(world));
  const browser = opened.use(await openBrowser(world));
  const window = await openWindow(browser, server, {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  window.page.setDefaultTimeout(PATIENCE_MS);
  await logIn(window, server);
  return { world, server, browser, window, vm };
}
