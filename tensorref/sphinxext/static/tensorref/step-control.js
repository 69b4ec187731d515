// @ts-check

import { element } from "./element.js";

const MOVES = new Map([
  ["ArrowRight", 1], ["ArrowDown", 1], ["ArrowLeft", -1], ["ArrowUp", -1], ["Home", -Infinity], ["End", Infinity],
]);

/**
 * Make a row of buttons, one a step. Its `value` is the current step; each change of it sends an `input` event.
 * @param {object} options
 * @param {number} [options.min]
 * @param {number} options.max
 * @param {number} [options.value] the first step shown; `min` by default
 * @param {string | null} [options.label]
 * @param {readonly string[]} [options.names] what each segment says beside its number
 * @returns {HTMLElement & {value: number}}
 */
export function stepControl({ min = 0, max, value = min, label = null, names = [] }) {
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max < min) {
    throw new RangeError(`max is ${max} and min is ${min}; give whole numbers, max no less than min`);
  }
  check(value);
  let current = value;
  const segments = Array.from({ length: max - min + 1 }, (_, index) => {
    const name = names[index];
    const number = element("span", { class: "tref-step-number" }, String(min + index));
    const segment = element("button", { type: "button", class: "tref-step" }, number);
    if (name) segment.append(" ", element("span", { class: "tref-step-name" }, name));
    segment.addEventListener("click", () => select(min + index));
    return segment;
  });
  const control = /** @type {HTMLElement} */ (element("div", { class: "tref-step-control" }));
  if (label) control.append(element("span", { class: "tref-label", "aria-hidden": "true" }, label));
  control.append(element("div", { class: "tref-steps", role: "group", "aria-label": label || "Step control" }, ...segments));
  control.addEventListener("keydown", (event) => {
    const move = MOVES.get(event.key);
    if (move === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    select(Math.min(Math.max(current + move, min), max));
    segments[current - min]?.focus();
  });
  mark();
  const accessors = { get: () => current, set: (/** @type {unknown} */ step) => select(check(step)) };
  return /** @type {HTMLElement & {value: number}} */ (Object.defineProperty(control, "value", accessors));

  /**
   * @param {unknown} step
   * @returns {number}
   */
  function check(step) {
    if (typeof step !== "number" || !Number.isSafeInteger(step) || step < min || step > max) {
      throw new RangeError(`value is ${String(step)}; give a whole number from ${min} to ${max}`);
    }
    return step;
  }

  /** @param {number} step */
  function select(step) {
    if (step === current) return;
    current = step;
    mark();
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function mark() {
    for (const [index, segment] of segments.entries()) {
      const active = min + index === current;
      segment.setAttribute("aria-pressed", String(active));
      segment.tabIndex = active ? 0 : -1;
    }
  }
}
