import { AppShell, Box, Burger, Group, Kbd, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet } from "@tanstack/react-router";
import { ConnectionBanner } from "../live/connection-banner.tsx";
import { LiveEvents } from "../live/live-events.tsx";
import { Icon } from "../ui/icon.tsx";
import { AccountMenu } from "./account-menu.tsx";
import { Navigation } from "./navigation.tsx";
import { openPalette, Palette } from "./palette.tsx";

/** What is around every page: where one is, where one can go, and whether the server is there. */
export function Shell() {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding={0}
    >
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <LiveEvents />
      <Palette />
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Link to="/" style={{ color: "inherit", textDecoration: "none" }} aria-label="BandSox: all VMs">
              <Group gap={8} wrap="nowrap">
                <img src="/icon.svg" alt="" width={26} height={26} />
                <Text fw={700}>BandSox</Text>
              </Group>
            </Link>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <PaletteButton />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <Navigation onNavigate={close} />
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <ConnectionBanner />
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function PaletteButton() {
  return (
    <UnstyledButton onClick={openPalette} className="surface" px={10} py={6}>
      <Group gap={8} wrap="nowrap">
        <Icon name="search" size={16} />
        <VisuallyHidden hiddenFrom="sm">Search or run</VisuallyHidden>
        <Box visibleFrom="sm">
          <Text size="sm" c="dimmed" component="span" mr={8}>
            Search or run
          </Text>
          <Kbd size="xs">Ctrl K</Kbd>
        </Box>
      </Group>
    </UnstyledButton>
  );
}
