import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";

const SCROLLBACK_LINES = 10_000;

/** A terminal's screen, as large as the element it is in. */
export interface Screen extends Disposable {
  readonly terminal: Terminal;
  readonly search: SearchAddon;
}

export function openScreen(element: HTMLElement): Screen {
  const terminal = new Terminal({
    ...{ allowProposedApi: true, cursorBlink: true, fontSize: 14, scrollback: SCROLLBACK_LINES },
    fontFamily: '"JetBrains Mono", ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace',
    theme: {
      background: "#0c0c0e",
      foreground: "#e4e4e7",
      cursor: "#34d399",
      selectionBackground: "#3f3f46",
    },
    screenReaderMode: false,
  });
  const fit = new FitAddon();
  const search = new SearchAddon();
  terminal.loadAddon(fit);
  terminal.loadAddon(search);
  terminal.loadAddon(new WebLinksAddon());
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = "11";
  terminal.open(element);
  terminal.attachCustomKeyEventHandler((event) => {
    const isCopy = event.ctrlKey && event.shiftKey && event.key.toLowerCase() === "c";
    if (!isCopy || !terminal.hasSelection()) return true;
    event.preventDefault();
    if (event.type === "keydown") void navigator.clipboard?.writeText(terminal.getSelection());
    return false;
  });
  fit.fit();
  const observer = new ResizeObserver(() => fit.fit());
  observer.observe(element);
  return {
    ...{ terminal, search },
    [Symbol.dispose]() {
      observer.disconnect();
      terminal.dispose();
    },
  };
}
