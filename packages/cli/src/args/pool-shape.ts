import { parseMib, parseWholeNumber } from "./values.ts";

const FIELDS = {
  vcpu: ["vcpu", parseWholeNumber],
  mem: ["memMib", parseMib],
  disk: ["diskSizeMib", parseMib],
} as const;

interface PoolShapeInput {
  image: string;
  vcpu?: number;
  memMib?: number;
  diskSizeMib?: number;
}

/** `image[,vcpu=n][,mem=size][,disk=size]`, the image last or first. @throws {RangeError} */
export function parsePoolShape(text: string): PoolShapeInput {
  const shape: PoolShapeInput = { image: "" };
  for (const part of text.split(",")) {
    const [name = "", value] = part.split("=", 2);
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof typeof FIELDS] : undefined;
    if (field && value !== undefined) shape[field[0]] = field[1](value);
    else if (shape.image === "" && name === "image" && value) shape.image = part.slice("image=".length);
    else if (shape.image === "" && part !== "") shape.image = part;
    else throw new RangeError(`${JSON.stringify(part)} is neither an image nor vcpu=, mem= or disk=`);
  }
  if (shape.image === "") throw new RangeError("it names no image");
  return shape;
}
