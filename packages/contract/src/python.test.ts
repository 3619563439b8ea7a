import { expect, test } from "vitest";
import { fromWire, toWire } from "./api/wire.ts";
import type { ExecEvent, ExecResult } from "./exec.ts";
import { type PythonEvent, pythonResult } from "./python.ts";

async function collect(events: AsyncIterable<ExecEvent>): Promise<ExecResult> {
  const result: ExecResult = {
    ...{ exitCode: -1, timedOut: false, stdout: "", stderr: "", output: "", truncated: false },
  };
  for await (const event of events) {
    if (event.type === "exit") Object.assign(result, event);
    else result[event.type] += Buffer.from(event.data).toString();
  }
  return result;
}

async function* of(...events: readonly PythonEvent[]): AsyncGenerator<PythonEvent> {
  yield* events;
}

test("packages that could not be installed are told from a program that failed, over the network too", async () => {
  const stderr: PythonEvent = { type: "stderr", data: Buffer.from("no such package\n") };
  const exit: PythonEvent = { type: "exit", exitCode: 2, timedOut: false };
  expect(await pythonResult(of(stderr, exit), collect)).toMatchObject({ error: "no such package" });
  const sent = JSON.stringify(toWire({ ...exit, packagesInstalled: false as const }));
  const arrived = fromWire<typeof exit>(JSON.parse(sent));
  expect(await pythonResult(of(stderr, arrived), collect)).toMatchObject({
    ...{ exitCode: 2, success: false, error: "the packages could not be installed: no such package" },
  });
});

test("what is printed is told before the result is there", async () => {
  const told: string[] = [];
  const onStdout = (data: Uint8Array) => told.push(Buffer.from(data).toString());
  async function* events(): AsyncGenerator<PythonEvent> {
    yield { type: "stdout", data: Buffer.from("one") };
    expect(told).toEqual(["one"]);
    yield { type: "exit", exitCode: 0, timedOut: false };
  }
  expect(await pythonResult(events(), collect, { onStdout })).toMatchObject({ success: true, error: null });
});
