// @ts-check
// Puts an explorer of broadcasting in front of each table that the directive wrote.

import { STEP, axesTable, glide } from "./axes-table.js";
import { explain, notes } from "./broadcasting.js";
import { element } from "./element.js";
import { shapeField } from "./shape-field.js";
import { stepControl } from "./step-control.js";
import { fill } from "./words.js";

/** @typedef {{names: string[], shapes: string[]}} Operands */
/**
 * @typedef {object} Labels
 * @property {string} explorer
 * @property {string} field
 * @property {string} kept
 * @property {string} notes
 * @property {string} presets
 * @property {string} scalar
 * @property {string[]} steps
 * @property {string} step
 * @property {string} table
 */
/**
 * @typedef {Operands & {
 *   step: number, itemsize: number, presets: (Operands & {label: string})[], labels: Labels,
 *   words: import("./words.js").Words, errors: import("./words.js").Words,
 * }} Data what `broadcasting.py` writes into the attribute
 */

let explorers = 0;

/** @param {HTMLElement} root */
export function explorer(root) {
  /** @type {Data} */
  const { names, shapes, step, itemsize, presets, labels, words, errors } = JSON.parse(root.dataset.tensorref ?? "");
  explorers += 1;
  const id = `tensorref-${explorers}`;

  const control = stepControl({ max: labels.steps.length - 1, value: step, label: labels.step, names: labels.steps });
  const operands = element("div", { class: "tensorref-fields" });
  const table = element("div", { class: "tensorref-scroll", role: "group", "aria-label": labels.table, tabindex: "0" });
  const sentence = element("p", { class: "tensorref-sentence", role: "status" });
  const consequences = element("ul", { class: "tensorref-notes", "aria-label": labels.notes });
  /** @type {ReturnType<typeof shapeField>[]} */
  let fields = [];
  /** @type {readonly string[]} */
  let named = [];

  control.addEventListener("input", show);
  use({ names, shapes });
  root.append(
    element(
      "div", { class: "tensorref-panel", role: "group", "aria-label": labels.explorer },
      operands, presetButtons(), control, table, sentence, consequences,
    ),
  );
  root.dataset.live = "";

  /** @param {Operands} given */
  function use(given) {
    named = given.names;
    fields = given.names.map((name, operand) =>
      shapeField({
        id: `${id}-${operand}`,
        label: fill(labels.field, { name }),
        text: given.shapes[operand] ?? "",
        kept: labels.kept,
        errors,
        changed: show,
      }),
    );
    operands.replaceChildren(...fields.map((field) => field.element));
    show();
  }

  function presetButtons() {
    const buttons = presets.map((preset) => {
      const button = element("button", { type: "button", class: "tensorref-preset" }, preset.label);
      button.addEventListener("click", () => use(preset));
      return button;
    });
    return element(
      "div", { class: "tensorref-presets", role: "group", "aria-label": labels.presets },
      element("span", { class: "tensorref-label", "aria-hidden": "true" }, labels.presets), ...buttons,
    );
  }

  function show() {
    const given = fields.flatMap((field) => (field.shape ? [field.shape] : []));
    if (given.length < fields.length) return;
    const explanation = explain(given, { names: named, itemsize, words });
    const drawn = axesTable(explanation, control.value, { words, scalar: labels.scalar });
    const move = glide(table, drawn);
    table.replaceChildren(drawn);
    move();
    const done = control.value === STEP.result;
    const said = explanation.steps[control.value] ?? "";
    sentence.dataset.outcome = !done ? "" : explanation.result ? "success" : "conflict";
    if (sentence.textContent !== said) sentence.textContent = said;
    consequences.hidden = !done;
    consequences.replaceChildren(
      ...notes(explanation, words).slice(1).map(({ kind, text }) => element("li", { "data-kind": kind }, text)),
    );
  }
}

for (const root of document.querySelectorAll(".tensorref-explorer[data-tensorref]")) {
  explorer(/** @type {HTMLElement} */ (root));
}
