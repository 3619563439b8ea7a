const CONTINUATION = 0b1000_0000;
const CONTINUATION_MASK = 0b1100_0000;
const LONGEST_CHARACTER = 4;

/** UTF-8 bytes without the start of a character at their end that the rest is missing of. */
export function wholeCharacters(bytes: Buffer): Buffer {
  const earliest = Math.max(0, bytes.length - LONGEST_CHARACTER);
  for (let at = bytes.length - 1; at >= earliest; at--) {
    const byte = bytes[at] ?? 0;
    if ((byte & CONTINUATION_MASK) === CONTINUATION) continue;
    return at + characterLength(byte) > bytes.length ? bytes.subarray(0, at) : bytes;
  }
  return bytes; // no UTF-8 at all; the decoder marks what it cannot read
}

function characterLength(lead: number): number {
  if (lead >= 0b1111_0000) return 4;
  if (lead >= 0b1110_0000) return 3;
  return lead >= 0b1100_0000 ? 2 : 1;
}
