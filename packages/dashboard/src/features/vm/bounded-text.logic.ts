/** Characters of a log that are shown: more makes a browser slow, and nobody reads it. */
const SHOWN_MAX = 400_000;

/** Text with more at its end; what is too much goes from its beginning, by whole lines. */
export function appendBounded(added: string): (known: string) => string {
  return (known) => {
    const text = known + added;
    if (text.length <= SHOWN_MAX) return text;
    const cut = text.slice(-SHOWN_MAX);
    return cut.slice(cut.indexOf("\n") + 1);
  };
}
