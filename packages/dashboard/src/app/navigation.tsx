import { NavLink } from "@mantine/core";
import { Link, useLocation } from "@tanstack/react-router";
import { Icon, type IconName } from "../ui/icon.tsx";

export const PAGES = [
  { to: "/", label: "VMs", icon: "box" },
  { to: "/snapshots", label: "Snapshots", icon: "camera" },
  { to: "/images", label: "Images", icon: "layers" },
  { to: "/keys", label: "API keys", icon: "key" },
  { to: "/system", label: "System", icon: "gauge" },
  { to: "/settings", label: "Settings", icon: "settings" },
] as const satisfies readonly { to: string; label: string; icon: IconName }[];

/** The pages there are. */
export function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const { pathname } = useLocation();
  return PAGES.map(({ to, label, icon }) => {
    const isHere = to === "/" ? pathname === "/" || pathname.startsWith("/vms/") : pathname.startsWith(to);
    return (
      <NavLink
        key={to}
        {...{ label, active: isHere, onClick: onNavigate }}
        renderRoot={(props) => <Link to={to} {...props} />}
        aria-current={isHere ? "page" : undefined}
        leftSection={<Icon name={icon} />}
        styles={{ root: { borderRadius: 8 } }}
        variant="light"
        color="gray"
        c="inherit"
        fw={isHere ? 600 : 400}
      />
    );
  });
}
