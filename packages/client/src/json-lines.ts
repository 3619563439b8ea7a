/** The values of a text of JSON, one a line, as it comes. */
export async function* jsonLines(texts: AsyncIterable<string>): AsyncGenerator<unknown, void, undefined> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}
