/**
 * Make an element. What is shown goes in as text, never as markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Words | string} [attributes] a text is its class
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
	const made = document.createElement(tag);
	set(made, typeof attributes === "string" ? { class: attributes } : attributes);
	made.append(...children);
	return made;
}

/** @param {Element} part @param {Words} attributes */
export function set(part, attributes) {
	for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
}

/** @type {(text: string, act: () => void, attributes?: Words) => HTMLButtonElement} */
export function button(text, act, attributes) {
	const made = element("button", { type: "button", ...attributes }, text);
	made.addEventListener("click", act);
	return made;
}
