import "@xterm/xterm/css/xterm.css";
import "./terminal.css";
import { Button, Group, Text, TextInput } from "@mantine/core";
import type { SearchAddon } from "@xterm/addon-search";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "../../ui/icon-button.tsx";
import { AttachedSession, type AttachState } from "./attached-session.ts";
import { openScreen } from "./screen.ts";

interface TerminalViewProps {
  readonly vmId: string;
  readonly sessionId: string;
  /** Called when what has ended is to be taken away */
  readonly onDismiss: () => void;
}

/** A terminal of the guest. */
export function TerminalView({ vmId, sessionId, onDismiss }: TerminalViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const { state, detail, search, focus } = useTerminal({ vmId, sessionId, box });
  const [isSearching, setSearching] = useState(false);
  return (
    <div className="terminal-pane" data-session={sessionId} data-attach={state}>
      <div
        ref={box}
        className="terminal-screen"
        onKeyDownCapture={(event) => {
          if (!(event.ctrlKey && event.shiftKey && event.key.toLowerCase() === "f")) return;
          event.preventDefault();
          setSearching(true);
        }}
      />
      {isSearching && (
        <SearchBar
          search={search}
          onClose={() => {
            setSearching(false);
            focus();
          }}
        />
      )}
      {state !== "attached" && (
        <Group className="terminal-note" gap="sm" aria-live="polite">
          <Text size="sm">{noteOf(state, detail)}</Text>
          {state === "ended" && (
            <Button size="compact-xs" variant="white" color="dark" onClick={onDismiss}>
              Close
            </Button>
          )}
        </Group>
      )}
    </div>
  );
}

function noteOf(state: AttachState, detail: string | undefined): string {
  if (state === "ended") return `The shell is gone: ${detail ?? "ended"}`;
  return state === "lost" ? "The connection is lost; trying again…" : "Connecting…";
}

interface UseTerminal {
  readonly vmId: string;
  readonly sessionId: string;
  readonly box: React.RefObject<HTMLDivElement | null>;
}

function useTerminal({ vmId, sessionId, box }: UseTerminal) {
  const [[state, detail], setState] = useState<readonly [AttachState, string?]>(["connecting"]);
  const search = useRef<SearchAddon>(undefined);
  const focusScreen = useRef(() => {});
  useEffect(() => {
    if (!box.current) return;
    const screen = openScreen(box.current);
    search.current = screen.search;
    focusScreen.current = () => screen.terminal.focus();
    const session = new AttachedSession({
      ...{ vmId, sessionId },
      onOutput: (data) => new Promise((resolve) => screen.terminal.write(data, resolve)),
      onGap: (lost) => screen.terminal.write(`\r\n\x1b[2m[${lost} bytes are no longer there]\x1b[0m\r\n`),
      onState: (next, why) => setState([next, why]),
    });
    screen.terminal.onData((text) => session.write(text));
    screen.terminal.onResize((size) => session.resize(size));
    session.resize({ cols: screen.terminal.cols, rows: screen.terminal.rows });
    screen.terminal.focus();
    return () => {
      session[Symbol.dispose]();
      screen[Symbol.dispose]();
    };
  }, [vmId, sessionId, box]);
  return { state, detail, search, focus: () => focusScreen.current() };
}

interface SearchBarProps {
  readonly search: React.RefObject<SearchAddon | undefined>;
  readonly onClose: () => void;
}

function SearchBar({ search, onClose }: SearchBarProps) {
  const [text, setText] = useState("");
  return (
    <Group className="terminal-search" gap={4}>
      <TextInput
        autoFocus
        size="xs"
        aria-label="Search the terminal"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          search.current?.findNext(event.currentTarget.value, { incremental: true });
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          if (event.key === "Enter")
            event.shiftKey ? search.current?.findPrevious(text) : search.current?.findNext(text);
        }}
      />
      <IconButton icon="close" label="Close the search" onClick={onClose} />
    </Group>
  );
}
