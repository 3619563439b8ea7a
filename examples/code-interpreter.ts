// A code interpreter: a VM keeps variables between pieces of code, and a timeout ends what runs away.
import { BandSox } from "bandsox";

const image = process.argv[2] ?? "python:3-alpine";
const SERVER = `
import sys, json, io, contextlib
names = {}
for line in sys.stdin:
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(json.loads(line), names)
        answer = {"stdout": out.getvalue()}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
`;

await using bandsox = new BandSox();
const vm = await bandsox.createVm(image, { timeoutMs: 600_000, onTimeout: "delete" });
try {
  const interpreter = await vm.sessions.start(["python3", "-c", SERVER], { stdin: true });
  const answers = lines(interpreter.attach());
  const run = async (code: string) => {
    await interpreter.write(`${JSON.stringify(code)}\n`);
    return (await answers.next()).value;
  };
  console.log(await run("x = 20"));
  console.log(await run("print(x + 22)"));
  console.log(await run("print(1 / 0)"));
  await interpreter.kill();
  const endless = await vm.exec(["python3", "-c", "while True: pass"], { timeoutMs: 2_000 });
  console.log(endless.timedOut ? "a loop without end was ended" : "unexpected");
} finally {
  await vm.delete();
}

async function* lines(events: AsyncIterable<{ type: string; data?: Uint8Array }>) {
  let rest = "";
  for await (const { type, data } of events) {
    if (type !== "stdout" || !data) continue;
    const parts = `${rest}${Buffer.from(data)}`.split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
