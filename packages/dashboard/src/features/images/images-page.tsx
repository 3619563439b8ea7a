import type { ImageInfo } from "@bandsox/contract";
import { Button, Code, Group, Loader, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { notifyDone } from "../../api/errors.tsx";
import { server } from "../../api/server.ts";
import { queries } from "../../app/queries.ts";
import { confirm } from "../../ui/confirm.tsx";
import { Empty } from "../../ui/empty.tsx";
import { Failure } from "../../ui/failure.tsx";
import { formatAgo, formatBytes, shortDigest } from "../../ui/format.ts";
import { IconButton } from "../../ui/icon-button.tsx";
import { Page } from "../../ui/page.tsx";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { imagesQuery } from "./image-queries.ts";
import { PullForm } from "./pull-form.tsx";

const ROW_HEIGHT = 60;
const digestOf = ({ digest }: ImageInfo) => digest;
const refresh = () => queries.invalidateQueries({ queryKey: ["images"] });

/** The image store. */
export function ImagesPage() {
  const { data: images, error, isPending, refetch } = useQuery(imagesQuery);
  const { data: usage } = useQuery({
    queryKey: ["images", "usage"],
    queryFn: ({ signal }) => server.call("GET /api/images/usage", { signal }),
  });
  return (
    <Page
      title="Images"
      subtitle={
        usage && `${formatBytes(usage.blob_bytes)} of layers, ${formatBytes(usage.disk_bytes)} of base disks`
      }
      actions={<PruneButton />}
    >
      <PullForm onDone={() => void refresh()} />
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loader aria-label="Loading" />}
      {images?.length === 0 && (
        <div className="surface">
          <Empty icon="layers" title="No images yet">
            An image is fetched when the first VM is made from it, or here, or with{" "}
            <Code>bandsox image pull</Code>.
          </Empty>
        </div>
      )}
      {images && images.length > 0 && (
        <div className="surface" style={{ overflow: "hidden" }}>
          <VirtualRows
            items={images}
            keyOf={digestOf}
            rowHeight={ROW_HEIGHT}
            label="Images"
            render={(image) => <ImageRow image={image} />}
          />
        </div>
      )}
    </Page>
  );
}

function ImageRow({ image }: { image: ImageInfo }) {
  const { digest, references, platform, sizeBytes, sharedBytes, diskBytes, usedBy, createdAt } = image;
  const name = references[0] ?? digest;
  const remove = useMutation({
    mutationFn: () => server.call("DELETE /api/images", { query: { image: name } }),
    onSuccess: refresh,
  });
  const text = "It is fetched again when a VM needs it.";
  const ask = () =>
    confirm({ title: `Remove ${name}?`, text, verb: "Remove", onConfirm: () => remove.mutate() });
  return (
    <div className="row image-row">
      <div style={{ minWidth: 0 }}>
        <Text fw={600} truncate title={references.join("\n")}>
          {references[0] ?? "without a name"}
          {references.length > 1 && ` and ${references.length - 1} more`}
        </Text>
        <Text size="xs" c="dimmed" className="mono" truncate>
          {shortDigest(digest)} {platform}
        </Text>
      </div>
      <Text
        size="sm"
        className="snapshot-vm"
        title={`${formatBytes(sharedBytes)} of it shared with other images`}
      >
        {formatBytes(sizeBytes)} + {formatBytes(diskBytes)} disk
      </Text>
      <Text size="sm" className="snapshot-size">
        {usedBy.length === 0 ? "unused" : `used by ${usedBy.length}`}
      </Text>
      <Text size="sm" c="dimmed" className="snapshot-size">
        {formatAgo(createdAt)}
      </Text>
      <Group justify="flex-end">
        <IconButton
          icon="trash"
          label={`Remove ${name}`}
          isDanger
          isLoading={remove.isPending}
          onClick={ask}
        />
      </Group>
    </div>
  );
}

function PruneButton() {
  const prune = useMutation({
    mutationFn: () => server.call("POST /api/images/prune", { query: { all: "1" } }),
    onSuccess: ({ freed_bytes, digests }) => {
      notifyDone(`${digests.length} images removed, ${formatBytes(freed_bytes)} freed.`);
      void refresh();
    },
  });
  const text = "Images that no VM and no snapshot stands on are removed. They are fetched again when needed.";
  const ask = () =>
    confirm({ title: "Remove unused images?", text, verb: "Remove", onConfirm: () => prune.mutate() });
  return (
    <Button variant="default" loading={prune.isPending} onClick={ask}>
      Remove unused
    </Button>
  );
}
