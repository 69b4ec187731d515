// What the scripts hand to one another; no page loads this.

/** Sizes, of which none is too large to be exact. */
export type Shape = readonly bigint[];

export interface Axis {
  index: bigint;
  sizes: Shape;
  padded: boolean[];
  expands: boolean[];
  size: bigint | null;
  verdict: "equal" | "expand" | "conflict";
}

export interface Operand {
  name: string;
  shape: Shape;
  elements: bigint;
  strides: Shape | null;
  gradient_axes: Shape | null;
}

/** What Python's `explain(...).to_dict()` holds. */
export interface Explanation {
  operands: Operand[];
  axes: Axis[];
  conflicts: Shape;
  result: Shape | null;
  elements: bigint | null;
  stored_bytes: bigint;
  copied_bytes: bigint | null;
  steps: string[];
  warning: string | null;
  messages: { numpy: string; torch: string } | null;
  suggestions: { code: string; shape: Shape; result: Shape }[];
}

export interface Note {
  kind: "verdict" | "warning" | "message" | "fact" | "suggestion";
  text: string;
}

/** Templates by their key. */
export type Words = Readonly<Record<string, string>>;

/** What fills a template. */
export type Values = Readonly<Record<string, string | number | bigint | Shape>>;

export interface Operands {
  names: string[];
  shapes: string[];
}

/** What the directive writes into the attribute. */
export interface Data extends Operands {
  step: number;
  itemsize: number;
  presets: (Operands & { label: string })[];
  steps: string[];
  labels: Words;
  words: Words;
  errors: Words;
}
