/** Make an element; attributes that are a text are its class. What is shown goes in as text, never as markup. @type {MakeElement} */
export function element(tag, attributes = {}, ...children) {
	return filled(document.createElement(tag), typeof attributes === "string" ? { class: attributes } : attributes, children);
}

/** Set the attributes of an element, and put children into it. @type {Fill} */
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
