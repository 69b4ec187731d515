// @ts-check
// Puts an explorer of broadcasting in the place of each table that the directive wrote.

import { STEP, axesTable } from "./axes-table.js";
import { explain, notes } from "./broadcasting.js";
import { element } from "./element.js";
import { gliding } from "./motion.js";
import { shapeField } from "./shape-field.js";
import { stepControl } from "./step-control.js";
import { speaker } from "./words.js";

/** @typedef {import("./types.d.ts").Operands} Operands */

let explorers = 0;

/** @param {HTMLElement} root */
export function explorer(root) {
  /** @type {import("./types.d.ts").Data} */
  const { names, shapes, step, itemsize, presets, steps, labels, words, errors } = JSON.parse(root.dataset.tensorref ?? "");
  const label = speaker(labels);
  explorers += 1;
  const id = `tensorref-${explorers}`;

  const fieldset = element("div", { class: "tref-fields" });
  const control = stepControl({ max: steps.length - 1, value: step, label: label("step"), names: steps });
  const sentence = element("p", { class: "tref-sentence", role: "status" });
  const scroll = element("div", { class: "tref-scroll", role: "group", "aria-label": label("table"), tabindex: "0" });
  const consequences = element("ul", { class: "tref-notes", "aria-label": label("notes") });
  /** @type {ReturnType<typeof shapeField>[]} */
  let fields = [];
  let named = names;

  control.addEventListener("input", show);
  use({ names, shapes });
  const parts = [fieldset, presetButtons(), control, sentence, scroll, consequences];
  root.append(element("div", { class: "tref-panel", role: "group", "aria-label": label("explorer") }, ...parts));
  root.dataset.live = "";

  /** @param {Operands} operands */
  function use(operands) {
    named = operands.names;
    fields = named.map((name, operand) =>
      shapeField({
        id: `${id}-${operand}`,
        label: label("field", { name }),
        text: operands.shapes[operand] ?? "",
        kept: label("kept"),
        errors,
        changed: show,
      }),
    );
    fieldset.replaceChildren(...fields.map((field) => field.element));
    show();
  }

  function presetButtons() {
    const buttons = presets.map((preset) => {
      const button = element("button", { type: "button", class: "tref-preset" }, preset.label);
      button.addEventListener("click", () => use(preset));
      return button;
    });
    const title = element("span", { class: "tref-label", "aria-hidden": "true" }, label("presets"));
    return element("div", { class: "tref-presets", role: "group", "aria-label": label("presets") }, title, ...buttons);
  }

  function show() {
    const given = fields.flatMap(({ shape }) => (shape ? [shape] : []));
    if (given.length < fields.length) return;
    const explanation = explain(given, { names: named, itemsize, words });
    const glide = gliding(scroll);
    scroll.replaceChildren(axesTable(explanation, control.value, { words, scalar: label("scalar") }));
    glide();
    const last = control.value === STEP.result;
    const said = explanation.steps[control.value] ?? "";
    if (sentence.textContent !== said) sentence.textContent = said;
    sentence.dataset.outcome = !last ? "" : explanation.result ? "success" : "conflict";
    const below = last ? notes(explanation, words).slice(1) : [];
    consequences.replaceChildren(...below.map(({ kind, text }) => element("li", { "data-kind": kind }, text)));
    consequences.hidden = !below.length;
  }
}

for (const root of document.querySelectorAll(".tensorref-explorer[data-tensorref]")) {
  try {
    explorer(/** @type {HTMLElement} */ (root));
  } catch (error) {
    reportError(error); // this one keeps its table, the others their explorer
  }
}
