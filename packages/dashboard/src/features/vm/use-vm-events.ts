import type { BandSoxEvent } from "@bandsox/contract";
import { useEffect, useState } from "react";
import { followEvents } from "../../live/follow-events.ts";
import { mergeEvents } from "./event-list.logic.ts";

const TOGETHER_MS = 50;

/** What has happened to a VM, and what goes on to happen, the newest first. */
export function useVmEvents(vm: string): readonly BandSoxEvent[] {
  const [events, setEvents] = useState<readonly BandSoxEvent[]>([]);
  useEffect(() => {
    let waiting: BandSoxEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A long history comes all at once; it is shown in few steps.
    const show = () => {
      const some = waiting;
      waiting = [];
      timer = undefined;
      setEvents((known) => mergeEvents(known, some));
    };
    setEvents([]);
    const end = followEvents({
      ...{ since: 0, vm },
      onEvent: (event) => {
        waiting.push(event);
        timer ??= setTimeout(show, TOGETHER_MS);
      },
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [vm]);
  return events;
}
