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

// What the functions do, take and give; what a reader loads says it nowhere else.

/** In both libraries; three operands are those of `where`, and large ones are not made. */
type CodeOf = (explanation: Broadcast, reserved: readonly string[]) => Record<string, string>;
/** Of many axes those in conflict stay, and the last ones. */
type DrawTable = (heading: string[], rows: Row[]) => HTMLElement;
/** Undefined for keys that lead nowhere, which keep what they do. */
type Led = (
  event: KeyboardEvent,
  where: { at: number; first?: number; last: number; row?: number },
) => number | undefined;
/** What stands below the verdict, as Python's `notes()`. */
type NotesOf = (explanation: Broadcast, words: Words) => Note[];
/** A name that one text gives a size, as in `B=32`, has it in all. */
type ReadShapes = (
  texts: readonly string[],
  errors: Words,
) => (NamedShape | import("./static/tensorref/words.js").TextError)[];
/** In one pass: what a value holds is no template. */
type Speaker = (words: Words) => Say;
/** Put an explorer in the place of each table that a directive of this kind wrote. */
type Start = (name: string, kind: Kind) => void;
/** A button for each step. Its `value` is the current step; each change of it sends an `input` event. */
type StepControl = (options: StepOptions) => HTMLElement & { value: number };
/** It says beside it what is wrong with its text, once the reader rests, unless it is empty, or leaves. */
type TextField = (options: { id: string; label: string; text: string; changed: () => void }) => {
  field: HTMLElement;
  input: HTMLInputElement;
  /** Say what is wrong; nothing where nothing is. */
  complain: (found: string) => void;
};
/** What operands are called in code to copy: their names, if Python takes them all. */
type Variables = (names: readonly string[], reserved: readonly string[]) => readonly string[];

/** The operands as rows and the axes as columns, as far as `step` has come. */
type AxesOf = (explanation: Broadcast, given: readonly NamedShape[], step: number, data: Data) => HTMLElement;
/** Explain how shapes broadcast, or all that keeps them from it. */
type Explain = (shapes: readonly Shape[], names: readonly string[], options: Options & { messages: Words }) => Broadcast;
type ExplainMatmul = (shapes: readonly Shape[], names: readonly string[], options: Options & { messages: Words }) => Matmul;
/** Follow a contiguous tensor through operations; what grows larger than is followed is a TextError. */
type Follow = (sizes: Shape, operations: Operation[], name: string, data: Data) => TensorHistory;
type HistoryTable = (stages: readonly Stage[], data: Data, step: number) => HTMLElement;
/** What shows the same in PyTorch, and in NumPy where it has the same; what is large is not made. */
type LayoutCode = (name: string, stages: Stage[], isTaken: boolean, reserved: readonly string[]) => Record<string, string>;
/** Read operations, after a name such as `x` or without one, or throw a TextError. */
type ReadOperations = (text: string, data: Pick<Data, "errors" | "messages">) => Operation[];
/** What stands below the verdict, as Python's `notes()`. */
type NotesOfMatmul = (explanation: Matmul, words: Words) => Note[];
/** Ones in NumPy and in PyTorch, and what is shown of them; large ones take no memory, for which NumPy has no way. */
type OnesCode = (
  explanation: Pick<Matmul, "result" | "flops"> & { shapes: readonly Shape[] },
  names: readonly string[],
  shown: (library: string) => string,
) => Record<string, string>;
/** The operands as rows and the axes as columns, as far as `step` has come. */
type MatmulTable = (explanation: Matmul, given: readonly NamedShape[], step: number, say: Say) => HTMLElement;
/** A cell of the result tells what it adds up. */
type BroadcastPicture = (explanation: Broadcast, step: number, data: Data) => Picture;
/** The operands as they are stored, then as they are read, and in the end the result. */
type DrawBroadcast = (explanation: Broadcast, say: Say, until?: { expands?: boolean; ends?: boolean }) => Drawing;
/** Stages below each other, with an element of the same color and number in all. */
type DrawHistory = (stages: readonly Stage[]) => Drawing;
/** The first operand to the left and the second above, and in the end the result, where a row and a column meet. */
type DrawMatmul = (explanation: Matmul, say: Say, until?: { ends?: boolean }) => Drawing;
/** A picture in a copy of that of Python; cells that have a name are buttons. */
type DrawPicture = (
  model: SVGElement,
  id: string,
  picture: Picture & { title: string; description: string },
  say: Say,
) => Element[];
type Fill = <Made extends Element>(made: Made, attributes: Readonly<Record<string, any>>, children?: (Node | string)[]) => Made;
/** Drawings side by side with signs between, on several lines where they are too wide. */
type Flow = (drawings: Drawing[], signs: string[]) => Drawing;
/** An array of up to three axes: a cell, a row, a table or a cube. */
type Grid = (sides: Side[], cell: (index: bigint[]) => any, panel?: number) => Drawing;
/** The stages up to a step; a cell of the last one tells where it lies. */
type LayoutPicture = (stages: readonly Stage[], step: number, say: Say) => Picture;
type MakeButton = (text: string, act: () => void, attributes?: Words) => HTMLButtonElement;
/** What is shown goes in as text, never as markup; attributes that are a text are a class. */
type MakeElement = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes?: Words | string,
  ...children: (Node | string)[]
) => HTMLElementTagNameMap[Tag];
/** The operands; in the end the result, whose cells tell which row and column they sum over. */
type MatmulPicture = (explanation: Matmul, step: number, data: Data) => Picture;
/** Where in the first memory the element began that lies at a place of the last one. */
type OriginOf = (stages: readonly Stage[], place: bigint) => bigint;
/** An array of up to two axes, whose cells bear the number of their panel. */
type Table2D = (sides: Side[], cell?: (index: bigint[]) => any, panel?: number, most?: number) => Drawing;
/** What the operands hold where they are read: two small ones count in tens and in ones. */
type ValuesAt = (explanation: Broadcast, index: Shape) => bigint[];
/** The places of an axis that are drawn, with null for those between that are not. */
type Visible = (size: bigint | number, most: number) => (bigint | null)[];

/** The source with what is read; in the end the result, with the same numbers where they come to stand. */
type DrawIndex = (explanation: any, say: Say, step?: number) => Drawing;
/** Where an index array or a mask reads for one element of what they all broadcast to. */
type PlacesOf = (entry: any, index: Shape) => bigint[];
/** Where the source has an element of the result. */
type SourceOf = (explanation: any, index: readonly any[]) => bigint[];
/** Explain what an index selects by NumPy's rule, and what PyTorch does where it differs. */
type ExplainIndex = (shape: bigint[], index: any, words: Words) => any;
/** What stands in the square brackets, or a TextError. */
type ReadIndex = (text: string, errors: Words) => any;
/** An array of any number of axes: of more than two, the last two as tables for a few places of the others. */
type Planes = (sides: any[], cell: (index: bigint[]) => any, panel?: number) => Drawing;
/** As `visible`, those that are wanted before others. */
type Chosen = (size: bigint, most: any, wanted?: bigint[]) => (bigint | null)[];

/** How wide a line becomes, and how many places of an axis are drawn, by the number of axes. */
type Room = () => { width: number; shown: number[]; places: number; boxes: number };
/** The hue of an axis, counted from the right by a number below 0. */
type HueOf = (axis: bigint | number) => number;
/** The one size that is not 1, or 1 where there is none, or null where there are several. */
type Agreed = (sizes: Shape) => bigint | null;
/** Write an element: `x[0, :]`, or the name of what has no axis. */
type Indexed = (name: any, index: any) => string;
/** Write a shape: `()`, `(64,)`, `(4, 1)`. */
type FormatShape = (shape: any) => string;

/** The letters of each operand and of the output, in which `...` is one. */
type Subscripts = { inputs: any; output: any };
/** What Python's `einsum.Letter` holds. */
type Letter = { name: string; sizes: Shape[]; size: bigint | null; kept: boolean };
/** An equation for so many operands, or a TextError. */
type ReadEquation = (text: string, given: number, errors: Words) => Subscripts;
/** Explain an equation letter by letter, or all that keeps the shapes from fitting it. */
type ExplainEinsum = (equation: Subscripts, shapes: any, names: readonly string[], data: any) => any;
/** What stands below the verdict, as Python's `notes()`. */
type NotesOfEinsum = (explanation: any, words: Words) => Note[];
/** The sizes, a column for each letter: what is summed leaves the result. Each cell knows its letter. */
type DrawEinsum = (explanation: any, inputs: any, say: Say, step?: number) => Drawing;
type EinsumTable = (explanation: any, step: number, say: Say) => HTMLElement;
/** Each size tells where else its letter stands. */
type EinsumPicture = (explanation: any, equation: Subscripts, step: number, data: Data) => any;
/** What is said of each axis in a box: a line of boxes for each label, the headings above. */
type Boxes = (labels: any, rows: any, heading?: readonly string[]) => Drawing;
/** The axes of all operands with what they are called, those of `...` counted from the right; `own` is the first size of that letter there. */
type EinsumAxes = (inputs: any, shapes: any) => any;
/** The letters of the output in its order; the axes of `...` among them by their place. */
type SortedLetters = (output: any, letters: any) => Letter[];
