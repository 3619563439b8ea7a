import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** Zinc, from text to background. */
const dark: MantineColorsTuple = [
  "#f4f4f5",
  "#e4e4e7",
  "#b4b4bd",
  "#8b8b95",
  "#3f3f46",
  "#303036",
  "#1f1f23",
  "#131316",
  "#0d0d0f",
  "#09090b",
];
const gray: MantineColorsTuple = [
  "#fafafa",
  "#f4f4f5",
  "#e4e4e7",
  "#d4d4d8",
  "#a1a1aa",
  "#71717a",
  "#52525b",
  "#3f3f46",
  "#27272a",
  "#18181b",
];
const emerald: MantineColorsTuple = [
  "#ecfdf5",
  "#d1fae5",
  "#a7f3d0",
  "#6ee7b7",
  "#34d399",
  "#10b981",
  "#059669",
  "#047857",
  "#065f46",
  "#064e3b",
];

/** Options are gone through with the arrow keys; between a list and its options nothing else may take the focus. */
const LIST_OF_OPTIONS = {
  withScrollArea: false,
  styles: { dropdown: { maxHeight: 240, overflowY: "auto" } },
};

/** How the dashboard looks. Contrast holds AA in both schemes. */
export const theme = createTheme({
  colors: { dark, gray, emerald },
  primaryColor: "emerald",
  primaryShade: 7,
  defaultRadius: "md",
  fontFamily: 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif',
  fontFamilyMonospace:
    '"JetBrains Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Modal: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    // What scrolls is reached by keyboard, too.
    ScrollArea: { defaultProps: { viewportProps: { tabIndex: 0 } } },
    Autocomplete: { defaultProps: LIST_OF_OPTIONS },
    MultiSelect: { defaultProps: LIST_OF_OPTIONS },
    Select: { defaultProps: LIST_OF_OPTIONS },
    TagsInput: { defaultProps: LIST_OF_OPTIONS },
  },
});
