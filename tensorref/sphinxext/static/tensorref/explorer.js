// What every explorer has: fields, presets, steps, a sentence, a table, a picture, notes, code, a link to its state.

import { button, element } from "./element.js";
import { gliding } from "./motion.js";
import { drawPicture } from "./picture.js";
import { stepControl } from "./step-control.js";
import { drawTable } from "./table.js";
import { textField } from "./text-field.js";
import { TextError, speaker } from "./words.js";

/**
 * Put an explorer in the place of each table that a directive of this kind wrote.
 * @param {string} name
 * @param {Tref.Kind} kind
 */
export function start(name, kind) {
  /** @type {NodeListOf<HTMLElement>} */
  const roots = document.querySelectorAll(".tensorref-explorer");
  for (const [place, root] of roots.entries()) {
    try {
      if (root.classList.contains(`tensorref-${name}`)) explorer(root, kind, place + 1);
    } catch (error) {
      reportError(error); // this one keeps its table, the others their explorer
    }
  }
}

/**
 * @param {HTMLElement} root
 * @param {Tref.Kind} kind
 * @param {number} number its place among the explorers of the page
 */
function explorer(root, { least, most, read, show }, number) {
  /** @type {Tref.Data} */
  const data = JSON.parse(root.dataset.tensorref ?? "");
  const say = speaker(data.labels);
  const fieldset = element("div", { class: "tref-fields" });
  const steps = element("div");
  const sentence = element("p", { class: "tref-sentence", role: "status" });
  const scroll = element("div", { class: "tref-scroll", role: "group", "aria-label": say("table"), tabindex: "0" });
  const pictured = element("div");
  const notes = element("ul", { class: "tref-notes", "aria-label": say("notes") });
  const code = element("div");
  const details = element("details", {}, element("summary", {}, say("code")), code);
  const link = element("a", { class: "tref-link" }, say("link"));
  const presets = element("div", { class: "tref-presets", role: "group", "aria-label": say("presets") });
  presets.append(...data.presets.map((preset) => button(preset.label, () => use(preset))));
  /** @type {ReturnType<typeof textField>[]} */
  let fields = [];
  let names = data.names;
  /** @type {Tref.Shown} */
  let shown;
  let control = stepControl({ max: 0 });

  use(data, data.step);
  const panel = element("div", { class: "tref-panel", role: "group", "aria-label": say("explorer") });
  panel.append(fieldset, presets, steps, sentence, scroll, pictured, notes, details, link);
  root.append(panel);
  root.dataset.live = "";
  addEventListener("hashchange", restore);
  restore();

  function texts() {
    return fields.map(({ input }) => input.value);
  }

  /**
   * @param {Tref.Inputs} inputs
   * @param {number} [step] the step to go to
   */
  function use(inputs, step) {
    names = inputs.names;
    fields = names.map((name, place) => {
      const label = say(`field.${place}` in data.labels ? `field.${place}` : "field", { name });
      return textField({ id: `tensorref-${number}-${place}`, label, text: inputs.texts[place] ?? "", changed: update });
    });
    fieldset.replaceChildren(...fields.map((field) => field.element));
    const others = (/** @type {number} */ place) => (/** @type {string} */ _, /** @type {number} */ at) => at !== place;
    for (const [place, field] of names.length > least ? fields.entries() : []) {
      const drop = () => resize(names.filter(others(place)), texts().filter(others(place)), 0);
      field.element.append(button("×", drop, { "aria-label": say("remove", { name: names[place] ?? "" }) }));
    }
    const name = [..."abcdef"].find((letter) => !names.includes(letter)) ?? "";
    if (names.length < most) fieldset.append(button(say("add"), () => resize([...names, name], [...texts(), "()"], names.length)));
    update(step);
  }

  /**
   * @param {string[]} named
   * @param {string[]} written
   * @param {number} focused
   */
  function resize(named, written, focused) {
    use({ names: named, texts: written });
    fields[focused]?.input.focus();
  }

  /** @param {unknown} [step] */
  function update(step) {
    const values = read(texts(), data);
    const problems = values.map((value) => (value instanceof TextError ? `${value.message} ${say("kept")}` : ""));
    for (const [place, field] of fields.entries()) field.complain(problems[place] ?? "");
    if (problems.join("")) return;
    shown = show(values, names, data);
    const named = shown.steps.map(({ name }) => name);
    const max = named.length - 1;
    if (typeof step === "number" || String(named) !== control.dataset.names) {
      control = stepControl({ max, value: Math.min(typeof step === "number" ? step : control.value, max), label: say("step"), names: named });
      control.dataset.names = String(named);
      control.addEventListener("input", draw);
      steps.replaceChildren(control);
    }
    draw();
  }

  function draw() {
    const step = control.value;
    const isLast = step === shown.steps.length - 1;
    const glide = gliding(scroll);
    scroll.replaceChildren(drawTable(shown.table(step), step));
    glide();
    pictured.replaceChildren(drawPicture(shown.picture(step), data.labels));
    const said = shown.steps[step]?.text ?? "";
    if (sentence.textContent !== said) sentence.textContent = said;
    sentence.dataset.outcome = isLast ? shown.outcome : "";
    const below = isLast ? shown.notes : [];
    notes.replaceChildren(...below.map(({ kind, text }) => element("li", { "data-kind": kind }, text)));
    notes.hidden = !below.length;
    code.replaceChildren(...Object.entries(shown.code).flatMap(([library, text]) => listing(library, text)));
    const state = [["explorer", number], ["step", step], ...fields.map(({ input }, place) => [names[place], input.value])];
    link.href = `#${state.map((pair) => pair.map(encoded).join("=")).join("&")}`;
  }

  /** Bring back what the address says of this explorer; what is wrong with it is said as if it were typed. */
  function restore() {
    const [[, place] = [], [, step] = [], ...inputs] = new URLSearchParams(location.hash.slice(1));
    if (place !== String(number) || inputs.length < least || inputs.length > most) return;
    use({ names: inputs.map(([name]) => name), texts: inputs.map(([, text]) => text) }, Number(/^\d\d?$/.exec(step ?? "")));
    root.scrollIntoView();
  }

  /**
   * @param {string} library
   * @param {string} text
   */
  function listing(library, text) {
    const pre = element("pre", { tabindex: "0", "aria-label": library }, text);
    const copy = button(say("copy", { library }), () => {
      getSelection()?.selectAllChildren(pre); // where the clipboard is closed to scripts, keys still copy
      navigator.clipboard?.writeText(text).then(() => copy.replaceChildren(say("copied")), () => {});
    });
    return [copy, pre];
  }
}

/** @param {string | number | undefined} part */
function encoded(part) {
  return encodeURIComponent(part ?? "").replace(/%2C(%20)*/g, ",").replaceAll("%20", "+");
}
