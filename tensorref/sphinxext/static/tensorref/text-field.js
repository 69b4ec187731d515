import { element } from "./element.js";

const PATIENCE = 600; // milliseconds without a key before half a text counts as a wrong one

/**
 * Make a text field. What is wrong with its text is said beside it, once the reader rests or leaves it.
 * @param {{id: string, label: string, text: string, changed: () => void}} options
 */
export function textField({ id, label, text, changed }) {
	const typing = { dir: "ltr", autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
	const input = element("input", { id, value: text, "aria-describedby": `${id}-problem`, ...typing });
	const problem = element("p", { id: `${id}-problem`, class: "tref-problem", "aria-live": "polite" });
	let message = "";
	let patience = 0;
	input.addEventListener("input", changed);
	input.addEventListener("change", say);
	return {
		element: element("div", "tref-field", element("label", { for: id }, label), input, problem),
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
		input.setAttribute("aria-invalid", `${message !== ""}`);
		if (problem.textContent !== message) problem.textContent = message;
	}
}
