import { Button, Group, Modal, Stack } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { hasCode, notifyDone } from "../../api/errors.tsx";
import { callStreamed } from "../../api/streamed.ts";
import { Failure } from "../../ui/failure.tsx";
import { CreateFields } from "./create-fields.tsx";
import { type CreateForm, EMPTY_FORM, formProblem, toBody } from "./create-form.ts";
import { advance, NOTHING_YET, type WorkProgress } from "./create-progress.logic.ts";
import { rememberCreation } from "./creations.ts";
import { WorkProgressView } from "./work-progress-view.tsx";

/** Asks what a new VM is to be, makes it, and shows how far it is. */
export function CreateVmDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const [form, setForm] = useState<CreateForm>(EMPTY_FORM);
  const { progress, error, create, cancel } = useCreation(() => setForm(EMPTY_FORM));
  const isBusy = progress !== undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void create(form);
  };
  const close = () => {
    cancel();
    onClose();
  };
  return (
    <Modal opened={isOpen} onClose={close} title="Create a VM" size="lg" closeOnClickOutside={!isBusy}>
      <form onSubmit={submit}>
        <Stack>
          {isBusy ? (
            <WorkProgressView progress={progress} />
          ) : (
            <CreateFields form={form} onChange={setForm} />
          )}
          {error !== undefined && !isBusy && <Failure error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={isBusy ? cancel : close}>
              Cancel
            </Button>
            {!isBusy && <Button type="submit">Create</Button>}
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function useCreation(onCreated: () => void) {
  const navigate = useNavigate();
  const [progress, setProgress] = useState<WorkProgress>();
  const [error, setError] = useState<unknown>();
  const underWay = useRef<AbortController>(undefined);
  // A page that is left ends the request, and the server undoes what it had begun.
  useEffect(() => () => underWay.current?.abort(), []);
  const create = async (form: CreateForm) => {
    const problem = formProblem(form);
    setError(problem === undefined ? undefined : new Error(problem));
    if (problem !== undefined) return;
    const controller = new AbortController();
    underWay.current = controller;
    let known = NOTHING_YET;
    setProgress(known);
    try {
      const call = { body: toBody(form), signal: controller.signal };
      const { vm } = await callStreamed("POST /api/vms", call, (message) => {
        known = advance(known, message);
        setProgress(known);
      });
      rememberCreation(vm.id, known.stages);
      notifyDone(`${vm.name} is running.`);
      onCreated();
      await navigate({ to: "/vms/$vmId", params: { vmId: vm.id } });
    } catch (thrown) {
      if (!controller.signal.aborted && !hasCode(thrown, "interrupted")) setError(thrown);
    } finally {
      setProgress(undefined);
    }
  };
  return { progress, error, create, cancel: () => underWay.current?.abort() };
}
