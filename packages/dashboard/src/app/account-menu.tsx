import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { accessQuery, logOut } from "../features/access/access-queries.ts";
import { Icon } from "../ui/icon.tsx";
import { IconButton } from "../ui/icon-button.tsx";

/** Light or dark, and the way out. */
export function AccountMenu() {
  const { data: access } = useQuery(accessQuery);
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="inherit"
        size="lg"
        aria-label={isDark ? "Light colours" : "Dark colours"}
        onClick={() => setColorScheme(isDark ? "light" : "dark")}
      >
        <Icon name={isDark ? "sun" : "moon"} />
      </ActionIcon>
      {access?.auth_enabled && <IconButton icon="logout" label="Log out" onClick={() => void logOut()} />}
    </>
  );
}
