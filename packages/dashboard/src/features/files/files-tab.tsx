import type { VmInfo } from "@bandsox/contract";
import { Alert, Loader, Progress, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type DragEvent, useState } from "react";
import { notifyError } from "../../api/errors.tsx";
import { Failure } from "../../ui/failure.tsx";
import { Icon } from "../../ui/icon.tsx";
import { droppedFiles } from "./dropped-files.ts";
import { directoryQuery } from "./file-calls.ts";
import { FileTable } from "./file-table.tsx";
import { FileToolbar } from "./file-toolbar.tsx";
import { FileViewer } from "./file-viewer.tsx";
import { parentOf } from "./guest-path.logic.ts";
import { useUploads } from "./use-uploads.ts";

/** The files of a VM: of the running guest, or read-only from the disks of one that does not run. */
export function FilesTab({ vm }: { vm: VmInfo }) {
  const { path: wanted, view } = useSearch({ from: "/shell/vms/$vmId" });
  const path = wanted ?? (view ? parentOf(view) : "/");
  const navigate = useNavigate();
  const isWritable = vm.state === "running";
  const { data: files, error, isPending, refetch } = useQuery(directoryQuery(vm.id, path));
  const { progress, upload } = useUploads(vm.id, path);
  const { isOver, ...drop } = useDrop((transfer) => {
    if (isWritable) droppedFiles(transfer).then(upload).catch(notifyError);
  });
  const go = (search: { path: string; view?: string }) =>
    void navigate({ to: "/vms/$vmId", params: { vmId: vm.id }, search: { tab: "files", ...search } });
  return (
    <Stack gap="sm">
      {!isWritable && (
        <Alert icon={<Icon name="lock" />} color="gray" py={8}>
          This VM is {vm.state}: its files are read from its disks, and cannot be changed.
        </Alert>
      )}
      <FileToolbar {...{ vmId: vm.id, path, isWritable }} onGo={(to) => go({ path: to })} onUpload={upload} />
      {progress && <UploadBar {...progress} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loader aria-label="Loading" />}
      {files && (
        <div className={isOver && isWritable ? "drop drop-over" : "drop"} {...drop}>
          <FileTable
            {...{ vmId: vm.id, path, files, isWritable }}
            onOpen={(file) => go(file.is_dir ? { path: file.path } : { path, view: file.path })}
            onUp={() => go({ path: parentOf(path) })}
          />
          {isWritable && (
            <Text size="xs" c="dimmed" ta="center" p={8}>
              Drop files or folders here to upload them
            </Text>
          )}
        </div>
      )}
      {view && <FileViewer {...{ vmId: vm.id, path: view, isWritable }} onClose={() => go({ path })} />}
    </Stack>
  );
}

function UploadBar({ done, total }: { done: number; total: number }) {
  return (
    <Stack gap={4}>
      <Text size="sm" aria-live="polite">
        Uploading: {done} of {total}
      </Text>
      <Progress aria-label="Upload" value={(done / total) * 100} animated />
    </Stack>
  );
}

function useDrop(onDrop: (transfer: DataTransfer) => void) {
  const [isOver, setOver] = useState(false);
  const over = (isNow: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setOver(isNow);
  };
  return {
    isOver,
    onDragOver: over(true),
    onDragLeave: over(false),
    onDrop: (event: DragEvent) => {
      over(false)(event);
      onDrop(event.dataTransfer);
    },
  };
}
