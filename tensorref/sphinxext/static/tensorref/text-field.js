import { element } from "./element.js";

const PATIENCE = 600; // milliseconds without a key before half a text counts as a wrong one

/**
 * Make a text field. What is wrong with its text is said beside it, once the reader rests or leaves it.
 * @param {{id: string, label: string, text: string, changed: () => void}} options
 */
export function textField({ id, label, text, changed }) {
  const input = element("input", { id, value: text, dir: "ltr", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const problem = element("p", { id: `${id}-error`, class: "tref-problem", "aria-live": "polite" });
  let message = "";
  let patience = 0;
  input.addEventListener("input", changed);
  input.addEventListener("change", say);
  return {
    element: element("div", { class: "tref-field" }, element("label", { for: id }, label), input, problem),
    input,
    /** @param {string} found what is wrong; empty where nothing is */
    complain(found) {
      message = found;
      clearTimeout(patience);
      if (found && document.activeElement === input) patience = setTimeout(say, PATIENCE);
      else say();
    },
  };

  function say() {
    clearTimeout(patience);
    input.toggleAttribute("aria-invalid", false);
    if (message) input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", message && problem.id);
    if (problem.textContent !== message) problem.textContent = message;
  }
}
