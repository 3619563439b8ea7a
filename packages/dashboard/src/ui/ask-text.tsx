import { Button, Group, Stack, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { type FormEvent, useState } from "react";
import { describeError } from "../api/errors.tsx";

interface TextQuestion {
  readonly title: string;
  readonly label: string;
  readonly description?: string;
  readonly initial?: string;
  readonly isOptional?: boolean;
  /** The verb on the button */
  readonly verb: string;
  /** Does it; what it throws is shown beside the field, and the question stays */
  readonly onAnswer: (text: string) => Promise<unknown>;
}

/** Asks for one line of text. */
export function askText(question: TextQuestion): void {
  const modalId = modals.open({
    title: question.title,
    children: <AskText {...question} onClose={() => modals.close(modalId)} />,
  });
}

function AskText({ label, description, initial = "", isOptional, verb, onAnswer, onClose }: AskTextProps) {
  const [text, setText] = useState(initial);
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onAnswer(text.trim());
      onClose();
    } catch (thrown) {
      setError(describeError(thrown).message);
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          data-autofocus
          required={!isOptional}
          {...{ label, description, error, value: text }}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isBusy}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type AskTextProps = TextQuestion & { readonly onClose: () => void };
