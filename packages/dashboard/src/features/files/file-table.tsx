import { Anchor, Text, UnstyledButton } from "@mantine/core";
import { useMemo, useState } from "react";
import { Empty } from "../../ui/empty.tsx";
import { formatAgo, formatBytes, formatTime } from "../../ui/format.ts";
import { Icon } from "../../ui/icon.tsx";
import { VirtualRows } from "../../ui/virtual-rows.tsx";
import { type FileSort, type ListedFile, modeText, sortFiles } from "./file-list.logic.ts";
import { FileMenu } from "./file-menu.tsx";

interface FileTableProps {
  readonly vmId: string;
  readonly path: string;
  readonly files: readonly ListedFile[];
  readonly isWritable: boolean;
  readonly onOpen: (file: ListedFile) => void;
  readonly onUp: () => void;
}

const ROW_HEIGHT = 42;
const nameOfFile = ({ name }: ListedFile) => name;
const HEADS = [
  { sort: "name", label: "Name" },
  { sort: "size", label: "Size" },
  { sort: "mtime", label: "Changed" },
] as const;

/** What is in a directory. Names are the guest's: they are shown as text, whatever they hold. */
export function FileTable({ vmId, path, files, isWritable, onOpen, onUp }: FileTableProps) {
  const [order, setOrder] = useState<{ sort: FileSort; isDescending: boolean }>({
    sort: "name",
    isDescending: false,
  });
  const sorted = useMemo(() => sortFiles(files, order), [files, order]);
  const turn = (sort: FileSort) =>
    setOrder({ sort, isDescending: order.sort === sort && !order.isDescending });
  return (
    <div className="surface" style={{ overflow: "hidden" }}>
      <div className="row row-head file-row">
        {HEADS.map(({ sort, label }) => (
          <UnstyledButton key={sort} fz="xs" fw={600} className={`file-${sort}`} onClick={() => turn(sort)}>
            {label}
            {order.sort === sort && (order.isDescending ? " ↓" : " ↑")}
          </UnstyledButton>
        ))}
        <span className="file-mode">Mode</span>
        <span />
      </div>
      {path !== "/" && (
        <div className="row file-row" style={{ height: ROW_HEIGHT }}>
          <Anchor component="button" c="inherit" ta="left" onClick={onUp}>
            ..
          </Anchor>
        </div>
      )}
      {files.length === 0 && <Empty icon="folder" title="Nothing is in here" />}
      <VirtualRows
        items={sorted}
        keyOf={nameOfFile}
        rowHeight={ROW_HEIGHT}
        label="Files"
        render={(file) => <FileRow {...{ vmId, file, isWritable, onOpen }} />}
      />
    </div>
  );
}

interface FileRowProps extends Pick<FileTableProps, "vmId" | "isWritable" | "onOpen"> {
  readonly file: ListedFile;
}

function FileRow({ vmId, file, isWritable, onOpen }: FileRowProps) {
  const { name, type, target, size, mtime, mode, is_dir } = file;
  const icon = is_dir ? "folder" : "file";
  const isOpenable = is_dir || type === "file" || type === "symlink";
  return (
    <div className="row file-row">
      <span className="file-name">
        <Icon name={type === "symlink" ? "link" : icon} />
        {isOpenable ? (
          <Anchor component="button" c="inherit" ta="left" truncate onClick={() => onOpen(file)}>
            {name}
          </Anchor>
        ) : (
          <Text size="sm" truncate>
            {name}
          </Text>
        )}
        {target !== undefined && (
          <Text size="xs" c="dimmed" truncate>
            → {target}
          </Text>
        )}
      </span>
      <Text size="sm" className="file-size">
        {is_dir ? "" : formatBytes(size)}
      </Text>
      <Text size="sm" c="dimmed" className="file-mtime" title={formatTime(mtime * 1000)}>
        {formatAgo(mtime * 1000)}
      </Text>
      <Text size="xs" className="mono file-mode">
        {modeText(mode)}
      </Text>
      <FileMenu {...{ vmId, file, isWritable }} />
    </div>
  );
}
