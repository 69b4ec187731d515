import { element } from "./element.js";

const SYMBOLS = { equal: "=", expand: "→", conflict: "≠", sum: "Σ", keep: "·" };

/**
 * Draw rows of cells. What comes at a later step has its place from the first, so that nothing on the page jumps.
 * @type {(table: Table, step: number) => HTMLElement}
 */
export function drawTable({ heading, headingFrom = 1, rows }, step) {
	const head = element("tr", headingFrom > step ? { "data-later": "" } : {}, ...heading.map((text) => element("th", { scope: "col" }, text)));
	const body = rows.map(({ label, kind = "", cells }) =>
		element("tr", kind, element("th", { scope: "row" }, label), ...cells.map(drawCell)),
	);
	const parts = [element("thead", {}, head), element("tbody", {}, ...body)];
	return element("table", { class: "tref-axes" }, ...parts);

	/** @param {Cell} cell */
	function drawCell({ text, from = 0, unseen, then, thenFrom = 0, verdict = "", symbol, state = "", span = 1 }) {
		const size = element("span", "", text);
		if (unseen) size.append(element("span", "tref-unseen", ` ${unseen}`));
		const cell = element("td", { "data-verdict": verdict, "data-state": state, ...(span > 1 && { colspan: `${span}` }) }, size);
		if (symbol) cell.prepend(element("span", { class: "tref-symbol", "aria-hidden": "true" }, SYMBOLS[symbol]), " ");
		if (then) cell.append(thenFrom > step ? element("span", { "data-later": "" }, then) : then);
		cell.toggleAttribute("data-later", from > step);
		return cell;
	}
}
