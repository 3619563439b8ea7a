import { useInterval } from "@mantine/hooks";
import { useState } from "react";
import { formatAgo } from "./format.ts";

const EVERY_MS = 10_000;

/** How long ago something was, as time goes on. */
export function Ago({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now);
  useInterval(() => setNow(Date.now()), EVERY_MS, { autoInvoke: true });
  return formatAgo(at, Math.max(now, Date.parse(at)));
}
