import { isAnyBandSoxError, isBandSoxError } from "@bandsox/contract";
import type { Output } from "../output.ts";
import { paint } from "./paint.ts";
import { jsonLine } from "./tell.ts";

/** One line that says what happened, the evidence if there is any, and one line that says what to do; or JSON. */
export function failureText(output: Pick<Output, "hasColors">, error: unknown, isJson = false): string {
  if (!isAnyBandSoxError(error)) return internalText(error, isJson);
  const { code, message, hint, details } = error;
  if (isJson) return jsonLine({ error: { code, message, hint, details } });
  const console = isBandSoxError(error, "vm_start_failed") ? error.details.console : "";
  const evidence = console === "" ? "" : `${console.replace(/^/gm, "  | ")}\n`;
  return `${paint(output, "red", "bandsox:")} ${message}\n${evidence}${paint(output, "cyan", "hint:")} ${hint}\n`;
}

function internalText(error: unknown, isJson: boolean): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (isJson) return jsonLine({ error: { code: "internal", message: text } });
  return `bandsox: internal error, please report it\n${text}\n`;
}
