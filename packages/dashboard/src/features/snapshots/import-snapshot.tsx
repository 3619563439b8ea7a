import { Button, FileButton } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { Icon } from "../../ui/icon.tsx";

/** Takes a snapshot from a file that was exported, here or elsewhere. */
export function ImportSnapshot() {
  const take = useMutation({
    mutationFn: (file: File) =>
      server.call("POST /api/snapshots/import", { query: {}, bytes: file, timeoutMs: 0 }),
    onSuccess: async ({ snapshot_name }) => {
      notifyDone(`${snapshot_name} is imported.`);
      await queries.invalidateQueries({ queryKey: ["snapshots"] });
    },
  });
  return (
    <FileButton
      accept=".bsx"
      inputProps={{ "aria-label": "File of a snapshot" }}
      onChange={(file) => file && take.mutate(file)}
    >
      {(props) => (
        <Button
          {...props}
          variant="default"
          loading={take.isPending}
          leftSection={<Icon name="upload" size={16} />}
        >
          Import
        </Button>
      )}
    </FileButton>
  );
}
