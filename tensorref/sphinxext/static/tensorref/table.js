import { element } from "./element.js";

const SYMBOLS = { equal: "=", expand: "→", conflict: "≠", sum: "Σ", keep: "·" };

/** What comes at a later step has its place from the first, so that the page does not jump. @type {DrawTable} */
export function drawTable({ heading, headingFrom = 1, rows }, step) {
	const later = (/** @type {number} */ from) => (from > step ? { "data-later": "" } : {});
	const head = element("tr", later(headingFrom), ...heading.map((text) => element("th", { scope: "col" }, text)));
	const body = rows.map(({ label, kind = "", cells }) => {
		const drawn = cells.map(({ text, from = 0, unseen, then, thenFrom = 0, verdict = "", symbol, state = "", span = 1 }) => {
			const cell = element("td", { "data-verdict": verdict, "data-state": state, colspan: `${span}`, ...later(from) }, text);
			if (unseen) cell.append(element("span", "tref-unseen", ` ${unseen}`));
			if (symbol) cell.prepend(element("span", { class: "tref-symbol", "aria-hidden": "true" }, SYMBOLS[symbol]), " ");
			if (then) cell.append(element("span", later(thenFrom), then));
			return cell;
		});
		return element("tr", kind, element("th", { scope: "row" }, label), ...drawn);
	});
	return element("table", "tref-axes", element("thead", "", head), element("tbody", "", ...body));
}
