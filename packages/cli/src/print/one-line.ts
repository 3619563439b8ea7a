/** Text of a guest as part of a line: control characters, which would command the terminal, become `?`. */
export function oneLine(text: string): string {
  return text.replace(/\p{C}/gu, "?");
}
