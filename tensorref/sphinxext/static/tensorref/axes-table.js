// @ts-check

import { element } from "./element.js";
import { speaker } from "./words.js";

export const STEP = Object.freeze({ shapes: 0, align: 1, pad: 2, compare: 3, expand: 4, result: 5 });
const SYMBOLS = { equal: "=", expand: "→", conflict: "≠" };

/**
 * Draw the operands as rows and the axes as columns, as far as `step` has come. What comes later has its place from
 * the first, so that nothing on the page jumps.
 * @param {import("./types.d.ts").Explanation} explanation
 * @param {number} step
 * @param {{words: import("./types.d.ts").Words, scalar: string}} texts
 */
export function axesTable({ axes, operands, result }, step, { words, scalar }) {
  const say = speaker(words);
  const heading = axes.map(({ index }) => element("th", { scope: "col" }, step < STEP.align ? "" : String(index)));
  const rows = operands.map(({ name, shape }, operand) => {
    const bare = !axes.length || (!shape.length && step < STEP.pad);
    return row(name, bare ? [spanning(scalar)] : axes.map((_, column) => cell(operand, column)));
  });
  const verdicts = axes.map(({ verdict }) => {
    if (step < STEP.compare) return element("td");
    const symbol = element("span", { class: "tref-symbol", "aria-hidden": "true" }, SYMBOLS[verdict]);
    return element("td", { "data-verdict": verdict }, symbol, ` ${say(verdict)}`);
  });
  const sizes = axes.map(({ size, verdict }, column) => {
    const made = step < STEP.result ? element("td") : element("td", { "data-verdict": verdict }, `${size ?? "?"}`);
    const widest = Math.max(say(verdict).length, ...operands.map((_, operand) => written(operand, column).join("").length));
    made.style.minWidth = `calc(${widest}ch + 1.8em)`;
    return made;
  });
  const body = [...rows, row(say("result"), axes.length ? sizes : [spanning(step < STEP.result ? "" : scalar)], "tref-result")];
  if (axes.length) body.splice(-1, 0, row(say("verdict"), verdicts, "tref-verdicts"));
  return element(
    "table",
    { class: "tref-axes", "data-step": String(step) },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, say("axis")), ...heading)),
    element("tbody", {}, ...body),
  );

  /**
   * What stands in a cell at last: the size, and what it becomes.
   * @param {number} operand
   * @param {number} column
   */
  function written(operand, column) {
    const axis = axes[column];
    const size = axis?.sizes[operand];
    return [axis?.padded[operand] ? `(${size})` : `${size}`, axis?.expands[operand] ? ` → ${axis.size}` : ""];
  }

  /**
   * @param {number} operand
   * @param {number} column
   */
  function cell(operand, column) {
    const shift = axes.length - (operands[operand]?.shape.length ?? 0);
    const from = step < STEP.align ? column + shift : column;
    const axis = axes[from];
    const made = element("td");
    const padded = axis?.padded[operand] ?? false;
    if (!axis || (padded && step < STEP.pad)) return made;
    const [size, becomes] = written(operand, from);
    const number = element("span", { class: "tref-size", "data-size": `${operand} ${from}` }, size ?? "");
    made.append(number);
    made.toggleAttribute("data-padded", padded);
    if (padded) number.append(element("span", { class: "tref-unseen" }, ` ${say("padded")}`));
    if (becomes && (step === STEP.result || (step === STEP.expand && result))) {
      made.dataset.repeats = "";
      made.append(becomes);
    }
    // A size of 1 takes no part in a conflict.
    if (step >= STEP.compare && (axis.size !== null || axis.sizes[operand] !== 1n)) made.dataset.verdict = axis.verdict;
    return made;
  }

  /** @param {string} text */
  function spanning(text) {
    return element("td", { class: "tref-scalar", colspan: String(Math.max(axes.length, 1)) }, text);
  }
}

/**
 * @param {string} label
 * @param {readonly HTMLElement[]} cells
 */
function row(label, cells, kind = "") {
  return element("tr", { class: kind }, element("th", { scope: "row" }, label), ...cells);
}
