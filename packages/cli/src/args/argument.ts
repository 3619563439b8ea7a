import { InvalidArgumentError } from "@commander-js/extra-typings";

/** Turns a parser that throws `RangeError` into one that commander reports. */
export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}
