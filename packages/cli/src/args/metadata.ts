import type { Metadata } from "@bandsox/contract";
import { argument } from "./argument.ts";

/** Metadata as JSON; whether it is an object is for the library to say. */
export const metadataOption = argument((text): Metadata => {
  try {
    return JSON.parse(text) as Metadata;
  } catch {
    throw new RangeError("it is not JSON");
  }
});
