// @ts-check

import { element } from "./element.js";
import { ShapeTextError, parseShape } from "./shapes.js";

const PATIENCE = 600; // milliseconds without a key before half a shape counts as a wrong one

/**
 * Make a text field for one shape. It says beside itself what is wrong with what was typed.
 * @param {object} options
 * @param {string} options.id
 * @param {string} options.label
 * @param {string} options.text what stands in it at first: a shape
 * @param {string} options.kept what to say of the picture while the text is not a shape
 * @param {import("./types.d.ts").Words} options.errors
 * @param {() => void} options.changed called with each text that is a shape
 * @returns {{element: HTMLElement, readonly shape: bigint[] | null}}
 */
export function shapeField({ id, label, text, kept, errors, changed }) {
  const input = element("input", {
    id, type: "text", value: text, dir: "ltr", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
  });
  const problem = element("p", { id: `${id}-error`, class: "tref-problem", "aria-live": "polite" });
  let { shape, message } = read(text);
  let patience = 0;

  input.addEventListener("input", () => {
    ({ shape, message } = read(input.value));
    clearTimeout(patience);
    if (shape) {
      say();
      changed();
    } else {
      patience = setTimeout(say, PATIENCE);
    }
  });
  input.addEventListener("change", say);
  say();
  return {
    element: element("div", { class: "tref-field" }, element("label", { for: id }, label), input, problem),
    get shape() {
      return shape;
    },
  };

  function say() {
    clearTimeout(patience);
    if (!shape) {
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", problem.id);
    } else {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    const said = shape ? "" : `${message} ${kept}`;
    if (problem.textContent !== said) problem.textContent = said;
  }

  /**
   * @param {string} typed
   * @returns {{shape: bigint[] | null, message: string}}
   */
  function read(typed) {
    try {
      return { shape: parseShape(typed, errors), message: "" };
    } catch (error) {
      if (!(error instanceof ShapeTextError)) throw error;
      return { shape: null, message: error.message };
    }
  }
}
