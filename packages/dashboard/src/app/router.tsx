import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { LoginPage } from "../features/access/login-page.tsx";
import { VmListPage } from "../features/vms/vm-list-page.tsx";
import { NotFound } from "./not-found.tsx";
import { Shell } from "./shell.tsx";

const text = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

const root = createRootRoute({ notFoundComponent: NotFound });
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const login = createRoute({
  ...{ getParentRoute: () => root, path: "/login", component: LoginPage },
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
});
const home = createRoute({
  ...{ getParentRoute: () => shell, path: "/", component: VmListPage },
  validateSearch: (search: Record<string, unknown>): { q?: string; create?: string } => ({
    ...{ q: text(search.q), create: text(search.create) },
  }),
});
const vm = createRoute({
  ...{ getParentRoute: () => shell, path: "/vms/$vmId" },
  component: lazyRouteComponent(() => import("../features/vm/vm-page.tsx"), "VmPage"),
  validateSearch: (search: Record<string, unknown>): { tab?: string; path?: string; view?: string } => ({
    ...{ tab: text(search.tab), path: text(search.path), view: text(search.view) },
  }),
});
const terminal = createRoute({
  ...{ getParentRoute: () => root, path: "/terminal/$vmId" },
  component: lazyRouteComponent(() => import("../features/terminal/terminal-page.tsx"), "TerminalPage"),
  validateSearch: (search: Record<string, unknown>): { session?: string } => ({
    session: text(search.session),
  }),
});
const snapshots = createRoute({
  ...{ getParentRoute: () => shell, path: "/snapshots" },
  component: lazyRouteComponent(() => import("../features/snapshots/snapshots-page.tsx"), "SnapshotsPage"),
});
const images = createRoute({
  ...{ getParentRoute: () => shell, path: "/images" },
  component: lazyRouteComponent(() => import("../features/images/images-page.tsx"), "ImagesPage"),
});
const keys = createRoute({
  ...{ getParentRoute: () => shell, path: "/keys" },
  component: lazyRouteComponent(() => import("../features/access/keys-page.tsx"), "KeysPage"),
});
const settings = createRoute({
  ...{ getParentRoute: () => shell, path: "/settings" },
  component: lazyRouteComponent(() => import("../features/system/settings-page.tsx"), "SettingsPage"),
});
const system = createRoute({
  ...{ getParentRoute: () => shell, path: "/system" },
  component: lazyRouteComponent(() => import("../features/system/system-page.tsx"), "SystemPage"),
});

/** The addresses of the first BandSox. */
const oldDetails = createRoute({
  ...{ getParentRoute: () => root, path: "/vm_details" },
  beforeLoad: ({ search }) => {
    const vmId = text((search as Record<string, unknown>).id);
    throw vmId ? redirect({ to: "/vms/$vmId", params: { vmId } }) : redirect({ to: "/" });
  },
});
const oldTerminal = createRoute({
  ...{ getParentRoute: () => root, path: "/terminal" },
  beforeLoad: ({ search }) => {
    const vmId = text((search as Record<string, unknown>).id);
    throw vmId ? redirect({ to: "/terminal/$vmId", params: { vmId } }) : redirect({ to: "/" });
  },
});
const oldMarkdown = createRoute({
  ...{ getParentRoute: () => root, path: "/markdown_viewer" },
  beforeLoad: ({ search }) => {
    const { vm_id, path } = search as Record<string, unknown>;
    const [vmId, view] = [text(vm_id), text(path)];
    if (!vmId || !view) throw redirect({ to: "/" });
    throw redirect({ to: "/vms/$vmId", params: { vmId }, search: { tab: "files", view } });
  },
});

const tree = root.addChildren([
  login,
  terminal,
  oldDetails,
  oldTerminal,
  oldMarkdown,
  shell.addChildren([home, vm, snapshots, images, keys, settings, system]),
]);

/** Every page by its address. */
export const router = createRouter({ routeTree: tree, defaultPreload: "intent" });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
