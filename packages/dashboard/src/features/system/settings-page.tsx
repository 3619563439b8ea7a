import { Kbd, SegmentedControl, Stack, Table, Text, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Card } from "../../ui/card.tsx";
import { Page } from "../../ui/page.tsx";
import { accessQuery } from "../access/access-queries.ts";

const KEYS = [
  { keys: ["Ctrl", "K"], what: "Search everything, and run commands" },
  { keys: ["/"], what: "Search the list" },
  { keys: ["Esc"], what: "Close what is open" },
  { keys: ["Ctrl", "S"], what: "Save the file that is edited" },
  { keys: ["Ctrl", "Shift", "C"], what: "Copy from a terminal" },
  { keys: ["Ctrl", "Shift", "F"], what: "Search a terminal" },
] as const;

/** How the dashboard looks, and how it is used. */
export function SettingsPage() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { data: access } = useQuery(accessQuery);
  return (
    <Page title="Settings" subtitle="Of this browser">
      <Card title="Colours">
        <SegmentedControl
          aria-label="Colours"
          w="fit-content"
          data={[
            { value: "auto", label: "As the system" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
        />
      </Card>
      <Card title="Access">
        <Text size="sm">
          {access?.auth_enabled
            ? `You are logged in with the scope ${access.scope}.`
            : "This server is open to everyone on this machine."}
        </Text>
      </Card>
      <Card title="Keys">
        <Table aria-label="Keys">
          <Table.Tbody>
            {KEYS.map(({ keys, what }) => (
              <Table.Tr key={what}>
                <Table.Td w={190}>
                  <Stack gap={0}>
                    <span>
                      {keys.map((key) => (
                        <Kbd key={key} mr={4}>
                          {key}
                        </Kbd>
                      ))}
                    </span>
                  </Stack>
                </Table.Td>
                <Table.Td>{what}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Card>
    </Page>
  );
}
