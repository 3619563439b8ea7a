import { Button, Group, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { notifyDone } from "../../api/errors.tsx";
import { callStreamed } from "../../api/streamed.ts";
import { Failure } from "../../ui/failure.tsx";
import { advance, NOTHING_YET, type WorkProgress } from "../vms/create-progress.logic.ts";
import { WorkProgressView } from "../vms/work-progress-view.tsx";

/** Fetches an image into the store, and shows how far it is. */
export function PullForm({ onDone }: { onDone: () => void }) {
  const [image, setImage] = useState("");
  const [progress, setProgress] = useState<WorkProgress>();
  const [error, setError] = useState<unknown>();
  const underWay = useRef<AbortController>(undefined);
  useEffect(() => () => underWay.current?.abort(), []);
  const pull = async (event: FormEvent) => {
    event.preventDefault();
    const controller = new AbortController();
    underWay.current = controller;
    let known = NOTHING_YET;
    setError(undefined);
    setProgress(known);
    try {
      await callStreamed(
        "POST /api/images/pull",
        { body: { image }, signal: controller.signal },
        (message) => {
          known = advance(known, message);
          setProgress(known);
        },
      );
      notifyDone(`${image} is in the store.`);
      setImage("");
      onDone();
    } catch (thrown) {
      if (!controller.signal.aborted) setError(thrown);
    } finally {
      setProgress(undefined);
    }
  };
  return (
    <form onSubmit={pull}>
      <Stack className="surface" p="md">
        <Group align="flex-end">
          <TextInput
            flex={1}
            required
            label="Fetch an image"
            placeholder="python:3-alpine"
            value={image}
            disabled={progress !== undefined}
            onChange={(event) => setImage(event.currentTarget.value)}
          />
          {progress ? (
            <Button variant="default" onClick={() => underWay.current?.abort()}>
              Cancel
            </Button>
          ) : (
            <Button type="submit">Pull</Button>
          )}
        </Group>
        {progress && <WorkProgressView progress={progress} />}
        {error !== undefined && <Failure error={error} />}
      </Stack>
    </form>
  );
}
