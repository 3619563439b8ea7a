import { expect, test } from "vitest";
import type { SessionEvent } from "./session.ts";
import { terminalOutput } from "./terminal-output.ts";

const QUESTION = "\u001b[6n";

async function* events(...pieces: string[]): AsyncGenerator<SessionEvent> {
  let offset = 0;
  for (const piece of pieces) {
    const data = new TextEncoder().encode(piece);
    yield { type: "stdout", offset, data };
    offset += data.length;
  }
  yield { type: "exit", exitCode: 0 } as SessionEvent;
}

async function shown(liveFrom: number, ...pieces: string[]): Promise<string> {
  let text = "";
  for await (const part of terminalOutput(events(...pieces), liveFrom))
    text += new TextDecoder().decode(part);
  return text;
}

test.for([
  ["one piece", [`old${QUESTION}`, `new${QUESTION}`]],
  ["a piece that is old and new", [`old${QUESTION}new${QUESTION}`]],
  ["many pieces", [..."old", ...QUESTION, ..."new", ...QUESTION]],
] as const)("what is new may ask, what is old has asked: %s", async ([, pieces]) => {
  expect(await shown(3 + QUESTION.length, ...pieces)).toBe(`oldnew${QUESTION}`);
});

test("a question that is not over yet may be asked", async () => {
  expect(await shown(5, `old${QUESTION}`)).toBe(`old${QUESTION}`);
});

test("the first view is shown everything", async () => {
  expect(await shown(0, QUESTION)).toBe(QUESTION);
});
