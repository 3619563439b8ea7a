/** JSON, or `undefined`: no JSON is as wrong as the wrong JSON, and the caller's schema refuses both. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
