import { Alert } from "@mantine/core";
import { Icon } from "../ui/icon.tsx";
import { useConnection } from "./connection.ts";

/** Says that the server cannot be reached, while it cannot. */
export function ConnectionBanner() {
  const connection = useConnection();
  return (
    <div aria-live="polite">
      {connection === "lost" && (
        <Alert color="red" radius={0} py={8} icon={<Icon name="unplug" />} data-testid="connection-lost">
          The connection to the server is lost; what is shown may be out of date. Trying again…
        </Alert>
      )}
    </div>
  );
}
