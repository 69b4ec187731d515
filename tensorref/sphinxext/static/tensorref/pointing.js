import { element, filled } from "./element.js";
import { framed } from "./picture.js";
import { led } from "./step-control.js";

/** @type {DrawPicture} */
export function drawPicture(model, id, { drawing, title, description, name, reads }, say) {
	const svg = /** @type {SVGElement} */ (model.cloneNode(true));
	const [head, text, body] = /** @type {any} */ (svg.children);
	[head.id, text.id] = [`${id}-title`, `${id}-desc`];
	[head.textContent, text.textContent] = [title, description];
	body.replaceChildren(...drawing.elements().map(made));
	const { cells } = drawing;
	const active = cells.filter((cell) => name(cell));
	for (const cell of active) filled(cell.part.element, { role: "button", tabindex: cell === active[0] ? 0 : -1, "aria-label": name(cell) });
	filled(svg, { "aria-labelledby": `${head.id} ${text.id}`, role: active[0] ? "group" : "img", ...framed(drawing) });
	const row = active.filter(({ index }) => `${index.slice(0, -1)}` === `${active[0].index.slice(0, -1)}`).length;
	const said = element("p", { class: "tref-reads", "aria-live": "polite" }, active[0] ? say("point") : "");
	const region = element("div", "", svg);
	region.addEventListener("pointerover", mark);
	region.addEventListener("focusin", mark);
	region.addEventListener("keydown", (event) => {
		const at = active.findIndex(({ part }) => part.element === event.target);
		const to = led(event, { at, last: active.length - 1, row });
		if (at < 0 || to === undefined) return;
		for (const [place, { part }] of active.entries()) part.element.tabIndex = place === to ? 0 : -1;
		active[to].part.element.focus();
	});
	return [region, said];

	function mark({ target }) {
		const chosen = active.find(({ part }) => part.element === target);
		if (!chosen) return;
		const { sentence, isRead } = reads(chosen);
		for (const cell of cells) cell.part.element.toggleAttribute("data-read", cell === chosen || isRead(cell));
		said.textContent = sentence;
	}

	function made(part) {
		const [tag, attributes, ...children] = part;
		const within = children.map((child) => (typeof child === "string" ? child : made(child)));
		return (part.element = filled(document.createElementNS(svg.namespaceURI, tag), attributes, within));
	}
}
