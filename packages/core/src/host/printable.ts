/** Text from a guest without its control characters: it must not drive the terminal of whoever reads it. */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/[^\n\t\x20-\x7e\u00a0-\uffff]/g, " ");
}
