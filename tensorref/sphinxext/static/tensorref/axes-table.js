// @ts-check

import { word } from "./broadcasting.js";
import { element } from "./element.js";

/** @typedef {import("./broadcasting.js").Axis} Axis */
/** @typedef {import("./broadcasting.js").Explanation} Explanation */

export const STEP = Object.freeze({ shapes: 0, align: 1, pad: 2, compare: 3, expand: 4, result: 5 });
const SYMBOLS = { equal: "=", expand: "→", conflict: "≠" };

/**
 * Draw the operands as rows and the axes as columns, as far as `step` has come. Rows that come later take up their
 * space from the first, so that nothing on the page jumps.
 * @param {Explanation} explanation
 * @param {number} step
 * @param {{words: import("./words.js").Words, scalar: string}} texts
 */
export function axesTable(explanation, step, { words, scalar }) {
  const { axes, operands } = explanation;
  const columns = Math.max(axes.length, 1);
  const heading = row(word(words, "axis"), "col", axes.map((axis) => element("th", { scope: "col" }, String(axis.index))));
  const verdicts = axes.map(({ verdict }) =>
    element(
      "td", { "data-verdict": verdict },
      element("span", { class: "tensorref-symbol", "aria-hidden": "true" }, SYMBOLS[verdict]), " ", word(words, verdict),
    ),
  );
  const sizes = axes.map(({ size, verdict }) =>
    element("td", { "data-verdict": verdict }, size === null ? "?" : String(size)),
  );
  const rows = operands.map(({ name, shape }, operand) =>
    row(name, "row", shape.length || (axes.length && step >= STEP.pad)
      ? axes.map((axis, column) => cell(explanation, operand, axis, column, step, words))
      : [element("td", { class: "tensorref-scalar", colspan: String(columns) }, scalar)],
    ),
  );
  return element(
    "table", { class: "tensorref-axes", "data-step": String(step) },
    element("thead", {}, later(heading, step < STEP.align || !axes.length)),
    element(
      "tbody", {},
      ...rows,
      later(row(word(words, "verdict"), "row", verdicts, "tensorref-verdicts"), step < STEP.compare || !axes.length),
      later(
        row(word(words, "result"), "row", axes.length ? sizes : [element("td", {}, scalar)], "tensorref-result"),
        step < STEP.result,
      ),
    ),
  );
}

/**
 * @param {Explanation} explanation
 * @param {number} operand
 * @param {Axis} axis
 * @param {number} column
 * @param {number} step
 * @param {import("./words.js").Words} words
 */
function cell(explanation, operand, axis, column, step, words) {
  const shape = explanation.operands[operand]?.shape ?? [];
  const missing = step === STEP.shapes ? 0 : explanation.axes.length - shape.length;
  const size = shape[column - missing];
  if (size === undefined && step < STEP.pad) return element("td", { class: "tensorref-empty" });
  const padded = size === undefined;
  const repeats = axis.expands[operand] && (step === STEP.result || (step === STEP.expand && explanation.result));
  const number = element(
    "span", { class: "tensorref-size", "data-size": `${operand} ${column - missing}` }, padded ? "(1)" : String(size),
  );
  const made = element("td", {}, number);
  if (padded) {
    made.dataset.padded = "";
    number.append(element("span", { class: "tensorref-unseen" }, ` ${word(words, "padded")}`));
  }
  if (repeats) {
    made.dataset.repeats = "";
    made.append(` → ${axis.size}`);
  }
  // A size of 1 takes no part in a conflict.
  if (step >= STEP.compare && (axis.verdict !== "conflict" || axis.sizes[operand] !== 1n)) {
    made.dataset.verdict = axis.verdict;
  }
  return made;
}

/**
 * @param {string} label
 * @param {"col" | "row"} scope
 * @param {readonly HTMLElement[]} cells
 * @param {string} [kind]
 */
function row(label, scope, cells, kind = "") {
  return element("tr", kind ? { class: kind } : {}, element("th", { scope }, label), ...cells);
}

/**
 * @param {HTMLElement} part
 * @param {boolean} hidden
 */
function later(part, hidden) {
  part.classList.toggle("tensorref-later", hidden);
  return part;
}

/**
 * Let each size glide from where it stood in the `before` table; a page that wants no motion gets none.
 * @param {HTMLElement} before
 * @param {HTMLElement} after
 */
export function glide(before, after) {
  if (!matchMedia("(prefers-reduced-motion: no-preference)").matches) return () => {};
  const places = new Map(sizesOf(before).map((size) => [size.dataset.size, size.getBoundingClientRect().left]));
  return () => {
    for (const size of sizesOf(after)) {
      const from = places.get(size.dataset.size);
      const distance = from === undefined ? 0 : from - size.getBoundingClientRect().left;
      if (Math.abs(distance) > 1) {
        size.animate({ transform: [`translateX(${distance}px)`, "none"] }, { duration: 240, easing: "ease-out" });
      }
    }
  };
}

/** @param {HTMLElement} table */
function sizesOf(table) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("[data-size]"))];
}
