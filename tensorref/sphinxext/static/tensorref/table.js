import { element } from "./element.js";

const MOST_COLUMNS = 16;
const SYMBOLS = { equal: "=", expand: "→", conflict: "≠", sum: "Σ", keep: "·" };

/** @type {DrawTable} */
export function drawTable([first = "", ...heading], rows) {
	const places = chosen(heading.map((_, at) => rows.some(({ cells }) => cells[at]?.verdict === "conflict")));
	const named = [first, ...places.map((at) => (at === null ? "…" : (heading[at] ?? "")))];
	const head = named.map((name) => element(name ? "th" : "td", name ? { scope: "col" } : "", name));
	const body = rows.map(({ label, kind = "", cells }) => {
		const shown = cells.length === heading.length ? places.map((at) => cells[at] ?? { text: "…" }) : cells;
		const drawn = shown.map(({ text, verdict = "", state = "", span = 1 }) => {
			const symbol = kind === "tref-verdicts" && SYMBOLS[verdict] ? [element("span", { "aria-hidden": "true" }, `${SYMBOLS[verdict]} `)] : [];
			return element("td", { "data-verdict": verdict, "data-state": state, colspan: `${span}` }, ...symbol, text);
		});
		return element("tr", kind, element("th", { scope: "row" }, label), ...drawn);
	});
	return element("table", "tref-axes", element("thead", "", element("tr", "", ...head)), element("tbody", "", ...body));
}

/** Places, those of `first` before the last ones, with null where some are left out. */
function chosen(first) {
	const order = [...first.keys()].sort((a, b) => Number(first[b]) - Number(first[a]) || b - a).slice(0, MOST_COLUMNS);
	const places = order.sort((a, b) => a - b).flatMap((place, at) => (place === (at ? order[at - 1] + 1 : 0) ? place : [null, place]));
	return places.length && places.at(-1) !== first.length - 1 ? [...places, null] : places;
}
