import type { VmInfo } from "@bandsox/contract";
import { Group, Stack, Switch } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { socketUrl } from "../../api/server.ts";
import { Copy } from "../../ui/copy.tsx";
import { Log } from "../../ui/log.tsx";
import { appendBounded } from "./bounded-text.logic.ts";

/** What the guest writes to its console, as it comes; what it wrote last, when it does not run. */
export function ConsoleTab({ vm }: { vm: VmInfo }) {
  const text = useConsole(vm);
  const [isFollowing, setFollowing] = useState(true);
  const box = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves with the text
  useEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, isFollowing]);
  return (
    <Stack>
      <Group justify="space-between">
        <Switch
          label="Stay at the end"
          checked={isFollowing}
          onChange={(event) => setFollowing(event.currentTarget.checked)}
        />
        <Copy value={text} label="Copy the log" />
      </Group>
      <Log scroller={box} text={text || "Nothing was written yet."} label="Console" height="60vh" />
    </Stack>
  );
}

function useConsole({ id, state }: Pick<VmInfo, "id" | "state">): string {
  const [text, setText] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: a VM that starts again writes a new log
  useEffect(() => {
    setText("");
    const socket = new WebSocket(socketUrl(`/api/vms/${encodeURIComponent(id)}/logs`), ["bandsox.v1"]);
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") setText(appendBounded(data));
    };
    return () => socket.close();
  }, [id, state]);
  return text;
}
