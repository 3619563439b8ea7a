import { BandSoxClient } from "@bandsox/client";
import type { ExecExit, VmInfo } from "@bandsox/contract";
import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { describeError } from "../../api/errors.tsx";
import { Empty } from "../../ui/empty.tsx";
import { Log } from "../../ui/log.tsx";
import { appendBounded } from "./bounded-text.logic.ts";

type Ending = ExecExit | { readonly failure: string };

/** Runs one command and shows what it prints, as it prints it. */
export function ExecTab({ vm }: { vm: VmInfo }) {
  const { output, ending, isRunning, run, kill } = useExec(vm.id);
  const [command, setCommand] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (command.trim() !== "") void run(command);
  };
  if (vm.state !== "running")
    return (
      <Empty icon="play" title="Commands run in running VMs">
        This one is {vm.state}.
      </Empty>
    );
  return (
    <Stack>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <TextInput
            flex={1}
            label="Command"
            description="For /bin/sh; it ends when this page is left. A terminal stays."
            placeholder="uname -a"
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
            value={command}
            onChange={(event) => setCommand(event.currentTarget.value)}
          />
          {isRunning ? (
            <Button color="red.8" onClick={kill}>
              Kill
            </Button>
          ) : (
            <Button type="submit">Run</Button>
          )}
        </Group>
      </form>
      {(output !== "" || isRunning) && <Log text={output} label="Output" maxHeight="60vh" />}
      {ending && <EndingText ending={ending} />}
    </Stack>
  );
}

function EndingText({ ending }: { ending: Ending }) {
  if ("failure" in ending) return <Text c="var(--mantine-color-error)">{ending.failure}</Text>;
  const { exitCode, signal } = ending;
  return (
    <Text size="sm" c={exitCode === 0 ? "dimmed" : "var(--mantine-color-error)"} aria-live="polite">
      {signal ? `Ended by ${signal}` : `Exit code ${exitCode}`}
    </Text>
  );
}

const client = new BandSoxClient(location.origin);

function useExec(vmId: string) {
  const [output, setOutput] = useState("");
  const [ending, setEnding] = useState<Ending>();
  const [isRunning, setRunning] = useState(false);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const run = async (command: string) => {
    const controller = new AbortController();
    running.current = controller;
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    setOutput("");
    setEnding(undefined);
    setRunning(true);
    try {
      const vm = await client.getVm(vmId);
      for await (const event of vm.execStream(command, { signal: controller.signal })) {
        if (event.type === "exit") setEnding(event);
        else setOutput(appendBounded(decoders[event.type].decode(event.data, { stream: true })));
      }
    } catch (error) {
      setEnding({ failure: controller.signal.aborted ? "It was killed." : describeError(error).message });
    } finally {
      setRunning(false);
    }
  };
  return { output, ending, isRunning, run, kill: () => running.current?.abort() };
}
