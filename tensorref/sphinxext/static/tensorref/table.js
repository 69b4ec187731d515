import { element } from "./element.js";

const MOST_COLUMNS = 16;
const SYMBOLS = { equal: "=", expand: "→", conflict: "≠", sum: "Σ", keep: "·" };

/** What comes at a later step has its place from the first, so that the page does not jump. @type {DrawTable} */
export function drawTable({ heading, headingFrom = 1, rows }, step) {
	const later = (from) => (from > step ? { "data-later": "" } : {});
	const isBad = (at) => Number(rows.some(({ cells }) => cells[at - 1]?.verdict === "conflict"));
	const order = [...heading.keys()].slice(1).sort((a, b) => isBad(b) - isBad(a) || b - a);
	const left = new Set(order.slice(MOST_COLUMNS)); // conflicts stay, and the last axes
	const named = heading.map((text, at) => element("th", { scope: "col" }, text, at || !left.size ? "" : ` (+${left.size})`));
	const head = element("tr", later(headingFrom), ...named.filter((_, at) => !left.has(at)));
	const body = rows.map(({ label, kind = "", cells }) => {
		const shown = cells.filter((_, at) => !cells[1] || !left.has(at + 1));
		const drawn = shown.map(({ text, from = 0, unseen, then, thenFrom = 0, verdict = "", symbol, state = "", span = 1 }) => {
			const cell = element("td", { "data-verdict": verdict, "data-state": state, colspan: `${Math.min(span, MOST_COLUMNS)}`, ...later(from) }, text);
			if (unseen) cell.append(element("span", "tref-unseen", ` ${unseen}`));
			if (symbol) cell.prepend(element("span", { class: "tref-symbol", "aria-hidden": "true" }, SYMBOLS[symbol]), " ");
			if (then) cell.append(element("span", later(thenFrom), then));
			return cell;
		});
		return element("tr", kind, element("th", { scope: "row" }, label), ...drawn);
	});
	return element("table", "tref-axes", element("thead", "", head), element("tbody", "", ...body));
}
