// What the scripts hand to one another; no page loads this.

/** Sizes, of which none is too large to be exact. */
type Shape = readonly bigint[];

/** A shape as it was written: its sizes, and the name of each or an empty text. */
interface NamedShape {
  sizes: bigint[];
  names: string[];
}

/** Part of a text, and where it stands, counted from 1. */
interface Token {
  text: string;
  position: number;
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
  conflicts: Shape;
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
  shapes: readonly Shape[];
  axes: MatmulAxis[];
  conflicts: (bigint | null)[][];
  result: Shape | null;
  elements: bigint | null;
  einsum: string;
  flops: bigint | null;
  moved_bytes: bigint | null;
  copied_bytes: bigint | null;
  intensity: number | null;
  steps: string[];
  warning: string | null;
  messages: { numpy: string; torch: string } | null;
  fixes: Fix[];
}

/** What stands in square brackets: a slice has three parts. */
type Index = bigint | (bigint | null)[] | "..." | null;

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

/** Axes that one stride steps through, and how many elements stand after them. */
interface Run {
  axes: number[];
  elements: bigint;
  stride: bigint;
  from: bigint;
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

type Changed = { key: string; axes: Axis[]; offset: bigint };

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
  labels: Words;
  words: Words;
  /** What the libraries say, in any language. */
  messages: Words;
  errors: Words;
  /** The words that no variable can have as its name. */
  reserved: string[];
}

/** What makes an explorer one of broadcasting, of products or of memory. */
interface Kind<Value = any> {
  /** How many fields there are. */
  least: number;
  most: number;
  /** Read the texts of all fields together. */
  read(texts: readonly string[], data: Data): (Value | import("./static/tensorref/words.js").TextError)[];
  show(values: Value[], names: readonly string[], data: Data): Shown;
}

interface Shown {
  /** What each step is called, and its sentence. */
  steps: { name: string; text: string }[];
  outcome: "success" | "conflict";
  /** What is said below in the end. */
  notes: Note[];
  table(step: number): Table;
  picture(step: number): Picture;
  /** Code to copy, by library. */
  code: Readonly<Record<string, string>>;
}

interface Table {
  heading: string[];
  /** The first step that shows the heading; 1 by default. */
  headingFrom?: number;
  rows: { label: string; kind?: string; cells: Cell[] }[];
}

interface Cell {
  text: string;
  /** The first step that shows it. */
  from?: number;
  /** Said, not shown. */
  unseen?: string;
  /** What it becomes, and the first step that shows this. */
  then?: string;
  thenFrom?: number;
  verdict?: string;
  symbol?: "equal" | "expand" | "conflict" | "sum" | "keep";
  state?: string;
  span?: number;
}

/** A place along an axis, or how many are left out. */
type Place = bigint | string;

interface StepOptions {
  min?: number;
  max: number;
  /** The first step shown; `min` by default. */
  value?: number;
  label?: string | null;
  /** What each segment says beside its number. */
  names?: readonly string[];
}

interface Picture {
  panels: Panel[];
  /** What a cell of the last tensor reads in each of the others; null on an axis stands for all of it. */
  reads: ((index: Shape) => (bigint | null)[][]) | null;
  /** The label that says so; "reads" by default. */
  said?: string;
}

interface Panel {
  name: string;
  shape: Shape;
  /** How many axes in front are shown that the tensor itself lacks. */
  lacking?: number;
  /** The places of a memory to show, given the cells that are shown of the last tensor. */
  columns?: (cells: Shape[]) => Place[];
  /** Whether the last tensor reads a cell of a memory nowhere. */
  unused?: (index: Shape) => unknown;
  /** Whether a cell is another one, read again. */
  repeats?: (index: Shape) => unknown;
  /** What stands in a cell. */
  text?: (index: Shape) => string;
}

// What the functions take and give.

type CodeOf = (explanation: Broadcast, reserved: readonly string[]) => Record<string, string>;
type DrawPicture = (picture: Picture, labels: Words) => HTMLElement;
type DrawTable = (table: Table, step: number) => HTMLElement;
type DrawnCell = { part: HTMLElement; index: bigint[]; panel: number };
type Ends = (size: bigint, most: bigint) => Place[];
type ErrorOf = (key: string, token: Token, values?: Values) => import("./static/tensorref/words.js").TextError;
type ExpandedStrides = (shape: Shape, rank: number) => Shape;
type Explore = (root: HTMLElement, kind: Kind, number: number) => void;
type FindAxes = (shapes: readonly Shape[]) => BroadcastAxis[];
type GridsOf = (explanation: Broadcast, step: number, labels: Words) => Picture;
type Led = (
  event: KeyboardEvent,
  where: { at: number; first?: number; last: number; row?: number },
) => number | undefined;
type MessagesOf = (shapes: readonly Shape[], say: Say) => Broadcast["messages"];
type NotesOf = (explanation: Broadcast, words: Words) => Note[];
type ReadShapes = (
  texts: readonly string[],
  errors: Words,
) => (NamedShape | import("./static/tensorref/words.js").TextError)[];
type SizesOf = (axes: readonly BroadcastAxis[]) => bigint[] | null;
type Speaker = (words: Words) => Say;
type Start = (name: string, kind: Kind) => void;
type StepControl = (options: StepOptions) => HTMLElement & { value: number };
type Suggest = (operands: readonly Operand[]) => Fix[];
type Test = (axis: BroadcastAxis) => unknown;
type TextField = (options: { id: string; label: string; text: string; changed: () => void }) => {
  field: HTMLElement;
  input: HTMLInputElement;
  /** Say what is wrong; nothing where nothing is. */
  complain: (found: string) => void;
};
type Use = (given: Pairs, step?: number, focused?: number) => void;
type Variables = (names: readonly string[], reserved: readonly string[]) => readonly string[];
type Written = (panel: number, index: (bigint | null)[]) => string;


type AxesOf = (explanation: Broadcast, given: readonly NamedShape[], step: number, data: Data) => Table;
type Explain = (shapes: readonly Shape[], names: readonly string[], options: Options & { messages: Words }) => Broadcast;
type ReadShape = (text: string, errors: Words, known: ReadonlyMap<string, string>) => NamedShape;
type StepsOf = (operands: readonly Operand[], axes: readonly BroadcastAxis[], say: Say) => string[];
type WarningOf = (operands: readonly Operand[], sizes: Shape, say: Say) => string | null;
type WithAxes = (name: string, given: Shape, target: Shape) => { code: string; shape: bigint[] };
type ExplainMatmul = (shapes: readonly Shape[], names: readonly string[], options: Options & { messages: Words }) => Matmul;
type Follow = (sizes: Shape, operations: Operation[], name: string, data: Data) => TensorHistory;
type LayoutCode = (name: string, stages: Stage[], isTaken: boolean, reserved: readonly string[]) => Record<string, string>;
type LayoutPicture = (name: string, stages: Stage[], step: number, labels: Words) => Picture;
type MemoryRow = (name: string, at: Stage, text: (index: Shape) => string, placeOf: (index: Shape) => bigint) => Panel;
type Reach = (code: string, verdict: string, axes: Axis[], offset: bigint, elements: bigint) => Stage;
type ReadOperations = (text: string, data: Pick<Data, "errors" | "messages">) => Operation[];
type MatmulCode = (explanation: Matmul, reserved: readonly string[]) => Record<string, string>;
type MatmulMessages = (a: Shape, b: Shape, batch: MatmulAxis[], say: Say) => { numpy: string; torch: string };
type MatmulPicture = (explanation: Matmul, step: number, labels: Words) => Picture;
type MatmulSteps = (a: Shape, b: Shape, axes: MatmulAxis[], names: readonly string[], say: Say) => string[];
type MatmulTable = (explanation: Matmul, given: readonly NamedShape[], step: number, say: Say) => Table;
