const PATIENCE = 600; // milliseconds without a key, before half a text counts as wrong

/** @type {MakeElement} */
export function element(tag, attributes = {}, ...children) {
	return filled(document.createElement(tag), typeof attributes === "string" ? { class: attributes } : attributes, children);
}

/** @type {Fill} */
export function filled(made, attributes, children = []) {
	for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
	made.append(...children);
	return made;
}

/** @type {MakeButton} */
export function button(text, act, attributes) {
	const made = element("button", { type: "button", ...attributes }, text);
	made.addEventListener("click", act);
	return made;
}

/** @type {TextField} */
export function textField({ id, label, text, changed }) {
	const typing = { dir: "ltr", autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
	const input = element("input", { id, value: text, "aria-describedby": `${id}-problem`, ...typing });
	const problem = element("p", { id: `${id}-problem`, class: "tref-problem", "aria-live": "polite" });
	let message = "";
	let patience = 0;
	input.addEventListener("input", changed);
	input.addEventListener("change", say);
	// Not at once: what is said would move a button away from under the pointer that goes there.
	input.addEventListener("blur", () => (patience = setTimeout(say, PATIENCE)));
	const complain = (found) => {
		message = found;
		clearTimeout(patience);
		if (!found || document.activeElement !== input) say();
		else if (input.value) patience = setTimeout(say, PATIENCE);
	};
	return { field: element("div", "tref-field", element("label", { for: id }, label), input, problem), input, complain };

	function say() {
		clearTimeout(patience);
		input.setAttribute("aria-invalid", `${message !== ""}`);
		if (problem.textContent !== message) problem.textContent = message;
	}
}
