import { Loader, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { Failure } from "../../ui/failure.tsx";
import { readBytes } from "./file-calls.ts";
import { imageType } from "./file-list.logic.ts";

const IMAGE_MAX_BYTES = 16 * 1024 * 1024;

/** An image of the guest's. As an image, nothing in it runs, also when it is SVG. */
export function GuestImage({ vmId, path, alt }: { vmId: string; path: string; alt: string }) {
  const { data, error } = useQuery({
    queryKey: ["image-file", vmId, path],
    queryFn: () => readBytes(vmId, path, IMAGE_MAX_BYTES + 1),
    ...{ staleTime: 0, gcTime: 0 },
  });
  const url = useMemo(
    () =>
      data && URL.createObjectURL(new Blob([data], { type: imageType(path) ?? "application/octet-stream" })),
    [data, path],
  );
  useEffect(
    () => () => {
      if (url) URL.revokeObjectURL(url);
    },
    [url],
  );
  if (error) return <Failure error={error} />;
  if (data && data.length > IMAGE_MAX_BYTES)
    return <Text c="dimmed">This image is too large to show here.</Text>;
  if (!url) return <Loader aria-label="Loading" />;
  return <img src={url} alt={alt} style={{ maxWidth: "100%" }} />;
}
