import { element, set } from "./element.js";
import { framed } from "./picture.js";
import { led } from "./step-control.js";
import { speaker } from "./words.js";

/** A picture as elements, after the one that Python made, and above it the cells to point at. @type {DrawPicture} */
export function drawPicture(model, id, { drawing, title, description, name, reads }, labels) {
	const svg = /** @type {SVGElement} */ (model.cloneNode(true));
	const [head, text, body] = svg.children;
	const frame = framed(drawing);
	set(svg, { "aria-labelledby": `${id}-title ${id}-desc`, ...frame });
	if (!head || !text || !body) throw new Error("the picture lacks a part");
	[head.id, text.id] = [`${id}-title`, `${id}-desc`];
	[head.textContent, text.textContent] = [title, description];
	body.replaceChildren(...drawing.elements().map(made));
	const cells = drawing.cells.map((cell) => {
		const { x, y, wide: width } = cell;
		const label = name?.(cell);
		const active = label ? { role: "button", tabindex: "-1", "aria-label": label } : {};
		const part = made(["rect", { ...{ x: `${x}`, y: `${y}`, width: `${width}`, height: "28" }, ...active }]);
		return { ...cell, part, label };
	});
	const active = cells.filter(({ label }) => label);
	const row = active.filter(({ y }) => y === active[0]?.y).length;
	active[0]?.part.setAttribute("tabindex", "0");
	const say = speaker(labels);
	const said = element("p", { class: "tref-reads", "aria-live": "polite" }, active[0] ? say("point") : "");
	const layer = made(["svg", { ...frame, class: "tref-cells", role: "group", "aria-label": say("point") }]);
	layer.append(...cells.map(({ part }) => part));
	layer.addEventListener("pointerover", mark);
	layer.addEventListener("focusin", mark);
	layer.addEventListener("keydown", (event) => {
		const at = active.findIndex(({ part }) => part === event.target);
		const to = led(event, { at, last: active.length - 1, row });
		if (at < 0 || to === undefined) return;
		for (const [place, { part }] of active.entries()) part.setAttribute("tabindex", place === to ? "0" : "-1");
		active[to]?.part.focus();
	});
	return element("div", "", element("div", "tref-picture", svg, ...(active[0] ? [layer] : [])), said);

	/** @param {Event} event */
	function mark({ target }) {
		const chosen = active.find(({ part }) => part === target);
		if (!chosen || !reads) return;
		const { sentence, isRead } = reads(chosen);
		for (const cell of cells) cell.part.toggleAttribute("data-read", cell === chosen || isRead(cell));
		said.textContent = sentence;
	}

	/** @param {Part} part @returns {SVGElement} */
	function made([tag, attributes, ...children]) {
		const part = /** @type {SVGElement} */ (document.createElementNS(model.namespaceURI, tag));
		set(part, attributes);
		part.append(...children.map((child) => (typeof child === "string" ? child : made(child))));
		return part;
	}
}
