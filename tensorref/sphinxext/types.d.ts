// What the scripts hand to one another; no page loads this.

/** Sizes, of which none is too large to be exact. */
type Shape = readonly bigint[];

/** A shape as it was written: its sizes, and the name of each or an empty text. */
interface NamedShape {
  sizes: bigint[];
  names: string[];
}

interface BroadcastAxis {
  index: bigint;
  sizes: Shape;
  padded: boolean[];
  expands: boolean[];
  size: bigint | null;
  verdict: "equal" | "expand" | "conflict";
}

interface Operand {
  name: string;
  shape: Shape;
  elements: bigint;
  strides: Shape | null;
  gradient_axes: Shape | null;
}

/** What Python's `broadcasting.explain(...).to_dict()` holds. */
interface Broadcast {
  operands: Operand[];
  axes: BroadcastAxis[];
  result: Shape | null;
  elements: bigint | null;
  stored_bytes: bigint;
  copied_bytes: bigint | null;
  steps: string[];
  warning: string | null;
  messages: { numpy: string; torch: string } | null;
  fixes: Fix[];
}

type Fix = { code: string; shape: Shape | null; result: Shape };

interface MatmulAxis {
  role: "batch" | "row" | "sum" | "column";
  /** Where each operand has it, counted from the right. */
  axes: (bigint | null)[];
  sizes: (bigint | null)[];
  size: bigint | null;
  verdict: "equal" | "expand" | "sum" | "keep" | "conflict";
}

/** What Python's `matmul.explain(...).to_dict()` holds. */
interface Matmul {
  names: readonly string[];
  shapes: [Shape, Shape];
  axes: MatmulAxis[];
  result: Shape | null;
  elements: bigint | null;
  einsum: string;
  flops: bigint | null;
  moved_bytes: bigint | null;
  copied_bytes: bigint | null;
  steps: string[];
  warning: string | null;
  messages: { numpy: string; torch: string } | null;
  fixes: Fix[];
}

interface Operation {
  /** A method, or "index". */
  name: string;
  /** Numbers, or what stands in square brackets. */
  items: any[];
  code: string;
}

interface Axis {
  size: bigint;
  stride: bigint;
}

/** What Python's `layout.Stage` holds, and each axis with its stride. */
interface Stage {
  code: string;
  axes: Axis[];
  shape: bigint[];
  strides: bigint[];
  offset: bigint;
  contiguous: boolean;
  elements: bigint;
  verdict: string;
  moved_bytes: bigint;
}

/** What Python's `layout.History` says. */
interface TensorHistory {
  stages: Stage[];
  steps: string[];
  outcome: "success" | "conflict";
  notes: Note[];
}

interface Note {
  /** One of warning, message, fact and fix. */
  kind: string;
  text: string;
}

/** Templates by their key. */
type Words = Readonly<Record<string, string>>;

/** Fill the template of a key. */
type Say = (key: string, values?: Values) => string;

/** What fills a template. */
type Values = Readonly<Record<string, unknown>>;

interface Options {
  /** Bytes per element. */
  itemsize: number;
  words: Words;
}

/** What stands in the fields: for each what it is called, and its text. */
type Pairs = [name: string, text: string][];

/** What a directive writes into the attribute. */
interface Data {
  fields: Pairs;
  step: number;
  itemsize: number;
  presets: { label: string; fields: Pairs }[];
  steps: string[];
  labels: Words & Readonly<Record<"result" | "scalar", string>>;
  words: Words;
  /** What the libraries say, in any language. */
  messages: Words;
  errors: Words;
  /** The words that no variable can have as its name. */
  reserved: string[];
}

/** What makes an explorer one of its kind. */
interface Kind<Value = any> {
  /** How many fields there are. */
  least: number;
  most: number;
  /** Read the texts of all fields together. */
  read(texts: readonly string[], data: Data): (Value | import("./static/tensorref/words.js").TextError)[];
  show(values: Value[], names: readonly string[], data: Data): Shown;
}

interface Shown {
  /** A sentence for each step. */
  steps: string[];
  /** What the steps are called, if not what the directive says. */
  names?: string[];
  outcome: "success" | "conflict";
  /** What is said below in the end. */
  notes: Note[];
  table(step: number): HTMLElement;
  picture(step: number): Picture;
  /** Code to copy, by library. */
  code: Readonly<Record<string, string>>;
}

/** A row of a table; `span` is over how many axes a cell goes. */
interface Row {
  label: string;
  kind?: string;
  cells: { text: string; verdict?: string; state?: string; span?: number }[];
}

interface StepOptions {
  min?: number;
  max: number;
  /** The first step shown; `min` by default. */
  value?: number;
  label?: string | null;
  /** What each segment says beside its number. */
  names?: readonly string[];
}

/** An element of SVG: its tag, its attributes, and what is in it. */
type Part = [tag: string, attributes: Words, ...children: (Part | string)[]];

type Drawing = import("./static/tensorref/picture.js").Drawing;

/** How a cell looks, as Python's `_picture.Mark`. */
interface Mark {
  hue: number;
  tint: number;
  dash: string;
  thick: boolean;
  faded: boolean;
}

/** An axis of a grid, as Python's `_picture.Side`. */
interface Side {
  size: bigint;
  label?: string;
  hue?: number;
  conflict?: boolean;
}

/** A cell of a picture: the number of what it is a cell of, its index there (none in a memory), and its outline. */
interface DrawnCell {
  panel: number;
  index: bigint[];
  part: Part;
  /** Where in its memory it lies. */
  place: bigint;
}

interface Picture {
  drawing: Drawing;
  /** What a cell that can be pointed at is called; an empty text for all others. */
  name(cell: DrawnCell): string;
  /** What is said of it then, and which other cells it reads. */
  reads(cell: DrawnCell): { sentence: string; isRead: (other: DrawnCell) => boolean };
}

// What the functions take and give.

type CodeOf = (explanation: Broadcast, reserved: readonly string[]) => Record<string, string>;
type DrawTable = (heading: string[], rows: Row[]) => HTMLElement;
type Led = (
  event: KeyboardEvent,
  where: { at: number; first?: number; last: number; row?: number },
) => number | undefined;
type NotesOf = (explanation: Broadcast, words: Words) => Note[];
type ReadShapes = (
  texts: readonly string[],
  errors: Words,
) => (NamedShape | import("./static/tensorref/words.js").TextError)[];
type Speaker = (words: Words) => Say;
type Start = (name: string, kind: Kind) => void;
type StepControl = (options: StepOptions) => HTMLElement & { value: number };
type TextField = (options: { id: string; label: string; text: string; changed: () => void }) => {
  field: HTMLElement;
  input: HTMLInputElement;
  /** Say what is wrong; nothing where nothing is. */
  complain: (found: string) => void;
};
type Variables = (names: readonly string[], reserved: readonly string[]) => readonly string[];

type AxesOf = (explanation: Broadcast, given: readonly NamedShape[], step: number, data: Data) => HTMLElement;
type Explain = (shapes: readonly Shape[], names: readonly string[], options: Options & { messages: Words }) => Broadcast;
type ExplainMatmul = (shapes: readonly Shape[], names: readonly string[], options: Options & { messages: Words }) => Matmul;
type Follow = (sizes: Shape, operations: Operation[], name: string, data: Data) => TensorHistory;
type HistoryTable = (stages: readonly Stage[], data: Data, step: number) => HTMLElement;
type LayoutCode = (name: string, stages: Stage[], isTaken: boolean, reserved: readonly string[]) => Record<string, string>;
type ReadOperations = (text: string, data: Pick<Data, "errors" | "messages">) => Operation[];
type NotesOfMatmul = (explanation: Matmul, words: Words) => Note[];
type MatmulCode = (explanation: Matmul, reserved: readonly string[]) => Record<string, string>;
type MatmulTable = (explanation: Matmul, given: readonly NamedShape[], step: number, say: Say) => HTMLElement;
type BroadcastPicture = (explanation: Broadcast, step: number, data: Data) => Picture;
type DrawBroadcast = (explanation: Broadcast, say: Say, until?: { expands?: boolean; ends?: boolean }) => Drawing;
type DrawHistory = (stages: readonly Stage[]) => Drawing;
type DrawMatmul = (explanation: Matmul, say: Say, until?: { ends?: boolean }) => Drawing;
type DrawPicture = (
  model: SVGElement,
  id: string,
  picture: Picture & { title: string; description: string },
  say: Say,
) => Element[];
type Fill = <Made extends Element>(made: Made, attributes: Readonly<Record<string, any>>, children?: (Node | string)[]) => Made;
type Flow = (drawings: Drawing[], signs: string[]) => Drawing;
type Grid = (sides: Side[], cell: (index: bigint[]) => any, panel?: number) => Drawing;
type LayoutPicture = (stages: readonly Stage[], step: number, say: Say) => Picture;
type MakeButton = (text: string, act: () => void, attributes?: Words) => HTMLButtonElement;
type MakeElement = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes?: Words | string,
  ...children: (Node | string)[]
) => HTMLElementTagNameMap[Tag];
type MatmulPicture = (explanation: Matmul, step: number, data: Data) => Picture;
type OriginOf = (stages: readonly Stage[], place: bigint) => bigint;
type Table2D = (sides: Side[], cell?: (index: bigint[]) => any, panel?: number, most?: number) => Drawing;
type ValuesAt = (explanation: Broadcast, index: Shape) => bigint[];
type Visible = (size: bigint | number, most: number) => (bigint | null)[];
