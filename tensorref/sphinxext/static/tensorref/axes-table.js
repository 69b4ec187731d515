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
  const heading = axes.map(({ index, sizes, padded, expands, size }) => {
    const made = element("th", { scope: "col" }, step < STEP.align ? "" : String(index));
    const widest = sizes.map((given, operand) => `${given}`.length + (padded[operand] ? 2 : 0) + (expands[operand] ? `${size}`.length + 3 : 0));
    made.style.minWidth = `${Math.max(...widest) + 1}ch`;
    return made;
  });
  const verdicts = axes.map(({ verdict }) => {
    if (step < STEP.compare) return element("td");
    const symbol = element("span", { class: "tref-symbol", "aria-hidden": "true" }, SYMBOLS[verdict]);
    return element("td", { "data-verdict": verdict }, symbol, ` ${say(verdict)}`);
  });
  const sizes = axes.map(({ size, verdict }) =>
    step < STEP.result ? element("td") : element("td", { "data-verdict": verdict }, `${size ?? "?"}`),
  );
  const rows = operands.map(({ name, shape }, operand) => {
    const bare = !axes.length || (!shape.length && step < STEP.pad);
    return row(name, bare ? [spanning(scalar)] : axes.map((_, column) => cell(operand, column)));
  });
  return element(
    "table",
    { class: "tref-axes", "data-step": String(step) },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, say("axis")), ...heading)),
    element(
      "tbody",
      {},
      ...rows,
      ...(axes.length ? [row(say("verdict"), verdicts, "tref-verdicts")] : []),
      row(say("result"), axes.length ? sizes : [spanning(step < STEP.result ? "" : scalar)], "tref-result"),
    ),
  );

  /**
   * @param {number} operand
   * @param {number} column
   */
  function cell(operand, column) {
    const axis = axes[column];
    const shape = operands[operand]?.shape ?? [];
    const place = column - (step < STEP.align ? 0 : axes.length - shape.length);
    const size = shape[place];
    const padded = size === undefined;
    const made = element("td");
    if (!axis || (padded && step < STEP.pad)) return made;
    const number = element("span", { class: "tref-size", "data-size": `${operand} ${place}` }, padded ? "(1)" : `${size}`);
    made.append(number);
    made.toggleAttribute("data-padded", padded);
    if (padded) number.append(element("span", { class: "tref-unseen" }, ` ${say("padded")}`));
    if (axis.expands[operand] && (step === STEP.result || (step === STEP.expand && result))) {
      made.dataset.repeats = "";
      made.append(` → ${axis.size}`);
    }
    // A size of 1 takes no part in a conflict.
    if (step >= STEP.compare && (axis.size !== null || size !== 1n)) made.dataset.verdict = axis.verdict;
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
