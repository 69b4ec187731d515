import { element } from "./element.js";
import { formatShape, product } from "./sizes.js";
import { led } from "./step-control.js";
import { grouped, speaker } from "./words.js";

const MOST_CELLS = 6n; // along an axis
const MOST_GRIDS = 3n;

/** A grid of the last two axes for each index of the others; large axes show their ends. @type {DrawPicture} */
export function drawPicture({ panels, reads, said: key = "reads" }, labels) {
	const say = speaker(labels);
	/** @type {DrawnCell[]} */
	const cells = [];
	let row = 0;
	// The last one first, as a memory shows what that one reads.
	const drawn = panels.toReversed().map(({ name, shape, columns, repeats, text, unused }, back) => {
		const panel = panels.length - 1 - back;
		const isActive = reads !== null && !back;
		const outer = shape.slice(0, -2);
		const across = columns?.(actives().map(({ index }) => index)) ?? ends(shape.at(-1) ?? 1n, MOST_CELLS);
		const down = ends(shape.at(-2) ?? 1n, MOST_CELLS);
		if (isActive) row = across.filter((at) => typeof at === "bigint").length;
		const cell = (/** @type {bigint[]} */ ...full) => {
			const index = full.slice(full.length - shape.length);
			const named = { type: "button", tabindex: "-1", "aria-label": written(panel, index) };
			const attributes = { class: "tref-cell", ...(isActive ? named : {}) };
			const part = element(isActive ? "button" : "span", attributes, text?.(index) ?? "");
			part.toggleAttribute("data-repeats", Boolean(repeats?.(index)));
			part.toggleAttribute("data-unused", Boolean(unused?.(index)));
			cells.push({ part, index, panel });
			return part;
		};
		const grids = ends(product(outer), MOST_GRIDS).map((place) => {
			if (typeof place === "string") return gap(place);
			const before = outer.map((size, axis) => (place / product(outer.slice(axis + 1))) % size);
			const grid = element("div", columns ? "tref-line" : "tref-grid");
			grid.style.gridTemplateColumns = across.map((x) => (typeof x === "string" ? "auto" : "minmax(var(--cell), max-content)")).join(" ");
			for (const [line, y] of down.entries()) {
				if (typeof y === "string") grid.append(gap(y, "1 / -1"));
				else grid.append(...across.map((x) => (typeof x === "string" ? gap(line ? "⋯" : x) : cell(...before, y, x))));
			}
			return outer[0] ? element("div", "", element("div", "tref-label", `[${before.join(", ")}]`), grid) : grid;
		});
		const title = `${name} ${formatShape(shape)}`;
		const role = { class: "tref-grids", role: isActive ? "group" : "img", "aria-label": title };
		const box = element("div", role, ...(product(shape) ? grids : [say("empty")]));
		return element("div", "", element("div", { class: "tref-label", "aria-hidden": "true" }, title), box);
	});
	const active = actives();
	if (active[0]) active[0].part.tabIndex = 0;
	const said = element("p", { class: "tref-reads", "aria-live": "polite" }, active[0] ? say("point") : "");
	const region = element("div", "tref-panels", ...drawn.reverse());
	region.addEventListener("pointerover", mark);
	region.addEventListener("focusin", mark);
	region.addEventListener("keydown", (event) => {
		const at = active.findIndex(({ part }) => part === event.target);
		const to = led(event, { at, last: active.length - 1, row });
		if (at < 0 || to === undefined) return;
		for (const [place, { part }] of active.entries()) part.tabIndex = place === to ? 0 : -1;
		active[to]?.part.focus();
	});
	return element("div", "", region, said);

	function actives() {
		return cells.filter(({ part }) => part.localName === "button");
	}

	/** @param {Event} event */
	function mark({ target }) {
		const chosen = active.find(({ part }) => part === target);
		const sources = chosen && reads?.(chosen.index);
		if (!sources) return;
		for (const { part, index, panel } of cells) {
			const isRead = sources[panel]?.every((place, axis) => place === null || place === index[axis]);
			part.toggleAttribute("data-read", part === target || isRead === true);
		}
		const named = sources.map((source, panel) => written(panel, source));
		said.textContent = say(key, { ...named, cell: written(chosen.panel, chosen.index), sources: named.join(", ") });
	}

	/** @type {Written} */
	function written(panel, index) {
		const { name = "", lacking = 0 } = panels[panel] ?? {};
		const own = index.slice(lacking).map((place) => place ?? ":");
		return own[0] === undefined ? name : `${name}[${own.join(", ")}]`;
	}
}

/** @param {string} text */
function gap(text, columns = "") {
	const part = element("span", "tref-gap", text);
	part.style.gridColumn = columns;
	return part;
}

/** The first and the last of `size` places and, between them, how many are left out. @type {Ends} */
function ends(size, most) {
	const tail = (most - 1n) / 2n;
	const left = size - most + 1n;
	const places = Array.from({ length: Number(left > 1n ? most : size) }, (_, at) => BigInt(at));
	if (left < 2n) return places;
	return places.map((at) => (at + tail + 1n === most ? `+${grouped(left)}` : at + tail + 1n < most ? at : at + left - 1n));
}
