// Draws the pictures of explanations: the same as `tensorref/_picture.py`, letter for letter.

export const CELL = 28;
export const GAP = 16;
const LETTER = 8;
const LONGEST = 32;
const HUES = ["#0072b2", "#009e73", "#cc79a7", "#d55e00"];
export const DASHES = ["", "6 3", "2 3"];
export const BOLD = { "font-weight": "700" };
export const FADED = { "fill-opacity": ".7" };
export const END = { "text-anchor": "end" };
const NO_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

export const phone = globalThis.matchMedia?.("(max-width: 30em)");
/** How wide lines may become, and how many places of an axis are drawn, by the number of axes. */
export const room = () => (phone?.matches ? { width: 270, shown: [4, 7, 4, 3] } : { width: 460, shown: [8, 8, 5, 4] });

/** @param {Partial<Mark>} given @returns {Mark} */
export const mark = (given) => ({ hue: 0, tint: 8, dash: "", ...given });
export const EMPTY = mark({ tint: 0, dash: "1 4", faded: true });
export const CONFLICT = mark({ hue: 4, tint: 14, double: true });

/** The half, rounded down. @param {number} whole */
export const half = (whole) => whole >> 1;

/** Elements of SVG, the rectangle that holds them, and where those cells lie that can be pointed at. */
export class Drawing {
	/** @type {Part[]} */
	parts = [];
	/** @type {Map<string, Part>} */
	outlines = new Map();
	/** @type {DrawnCell[]} */
	cells = [];
	left = Infinity;
	top = Infinity;
	right = -Infinity;
	bottom = -Infinity;

	/** @param {Point[]} ends */
	reach(...ends) {
		for (const [x, y] of ends) {
			[this.left, this.right] = [Math.min(x, this.left), Math.max(x, this.right)];
			[this.top, this.bottom] = [Math.min(y, this.top), Math.max(y, this.bottom)];
		}
	}

	/** @param {Point[]} points @param {Mark} look */
	shape(points, { hue, tint, dash, thick }) {
		this.reach(...points);
		const fill = tint ? { fill: color(hue), "fill-opacity": `${tint / 100}`.replace(/^0/, "") } : { fill: "none" };
		const look = { stroke: color(hue), ...fill, ...dashed(dash), ...(thick && { "stroke-width": "3" }) };
		const [, { d = "" } = {}] = this.outlines.get(`${Object.values(look)}`) ?? [];
		this.outlines.set(`${Object.values(look)}`, ["path", { d: `${d}M${points.join("L").replaceAll(",", " ")}z`, ...look }]);
	}

	/** @param {Point} corner @param {Point} size @param {Mark} look */
	box([x, y], [width, height], look, text = "") {
		this.shape(corners(x, y, width, height), look);
		if (look.double) this.shape(corners(x + 3, y + 3, width - 6, height - 6), mark({ hue: look.hue, tint: 0 }));
		this.text([x + half(width), y + half(height)], text, { ...(look.faded && FADED), ...(look.thick && BOLD) });
	}

	/** @param {Point} at @param {Words} [look] */
	text([x, y], text = "", look = {}) {
		if (!text) return;
		const width = lettersOf(text) * LETTER;
		const left = x - (look["text-anchor"] ? width : half(width));
		this.reach([left, y - 9], [left + width, y + 9]);
		this.parts.push(["text", { x: `${x}`, y: `${y + 5}`, ...look }, shortened(text)]);
	}

	/** @param {string} path @param {Point[]} ends */
	line(path, ends, hue = 0, dash = "") {
		this.reach(...ends);
		this.parts.push(["path", { d: path, stroke: color(hue), fill: "none", "stroke-width": "2", ...dashed(dash) }]);
	}

	elements() {
		return [...this.outlines.values(), ...this.parts];
	}

	/** @param {Drawing} other */
	place(other, x = 0, y = 0) {
		this.reach([other.left + x, other.top + y], [other.right + x, other.bottom + y]);
		this.parts.push(["g", { transform: `translate(${x} ${y})` }, ...other.elements()]);
		this.cells.push(...other.cells.map((cell) => ({ ...cell, x: cell.x + x, y: cell.y + y })));
	}

	heading(text = "", x = half(this.left + this.right)) {
		this.text([x, this.top - 13], text, BOLD);
	}
}

/** What the element of a picture says of its size. @param {Drawing} drawing */
export function framed({ left, top, right, bottom }) {
	const [width, height] = [`${right - left + 12}`, `${bottom - top + 12}`];
	return { viewBox: `${left - 6} ${top - 6} ${width} ${height}`, width, height };
}

/** A text as it is drawn: without its end where it is long. @param {string} text */
export function shortened(text) {
	const letters = [...printed(text)];
	return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : letters.join("");
}

/** @param {string} text */
export const printed = (text) => text.replace(NO_XML, "\ufffd");

/** @param {string} text */
export const lettersOf = (text) => [...shortened(text)].length;

/** The places of an axis that are drawn, with null for those between that are not. @type {Visible} */
export function visible(size, most) {
	const places = Array.from({ length: Math.min(Number(size), most) }, (_, at) => BigInt(at));
	return size > most ? [...places.slice(0, most - 2), null, BigInt(size) - 1n] : places;
}

export function refusal(text = "?") {
	const drawing = new Drawing();
	drawing.box([-CELL / 2, -CELL / 2], [CELL, CELL], CONFLICT, text);
	return drawing;
}

/** @param {Drawing[]} drawings */
export function stacked(drawings, gap = GAP) {
	const whole = new Drawing();
	let y = 0;
	for (const drawing of drawings) {
		whole.place(drawing, -drawing.left, y - drawing.top);
		y += drawing.bottom - drawing.top + gap;
	}
	return whole;
}

/** An array of up to two axes with its sizes on brackets; `panel` is what its cells say where they belong. @type {Table2D} */
export function table(sides, cell, panel = 0, { most = room().shown[sides.length] ?? 0, isEmpty = false } = {}) {
	const lacking = 2 - sides.length;
	const [row, column] = [...Array(lacking).fill({ size: 1n }), ...sides];
	const [rows, columns] = [visible(row.size, most), visible(column.size, most)];
	const front = rows.flatMap((y, n) =>
		columns.map((x, m) => {
			const index = y === null || x === null || isEmpty ? null : [y, x].slice(lacking);
			return { index, n, m, look: index && cell(index), gap: y === null ? "⋮" : "…" };
		}),
	);
	const wide = Math.max(CELL, ...front.map(({ look }) => (look ? lettersOf(look[0]) * LETTER + 6 : 0)));
	const [width, height] = [wide * (columns.length || 1), CELL * (rows.length || 1)];
	const [x0, y0] = [-half(width), -half(height)];
	const drawing = new Drawing();
	if (isEmpty || !front[0]) drawing.box([x0, y0], [width, height], EMPTY, "0");
	else {
		for (const { index, n, m, look, gap } of front) {
			const [x, y] = [x0 + m * wide, y0 + n * CELL];
			if (!look) drawing.text([x + half(wide), y + CELL / 2], gap, FADED);
			else {
				drawing.box([x, y], [wide, CELL], look[1], look[0]);
				drawing.cells.push({ panel, index: index ?? [], x, y, wide });
			}
		}
	}
	const [below, beside] = [y0 + height + 6, x0 - 6];
	bracket(drawing, column, [x0, below], [x0 + width, below]);
	bracket(drawing, row, [beside, y0], [beside, y0 + height]);
	return drawing;
}

/** The hue of an axis, counted from the right by a number below 0. @param {bigint | number} axis */
export const hueOf = (axis) => ((-Number(axis) - 1) % 3) + 1;

/** @type {(x: number, y: number, width: number, height: number) => Point[]} */
function corners(x, y, width, height) {
	return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
}

/** A bracket below, to the left, or along the depth; none for an axis that is not there. @type {Bracket} */
export function bracket(drawing, { label, hue = 0, conflict = false }, [x, y], [toX, toY]) {
	if (!label) return;
	const [own, dash] = [conflict ? HUES.length : hue, DASHES[hue - 1]];
	const text = conflict ? `✗ ${label}` : label;
	const [middleX, middleY] = [half(x + toX), half(y + toY)];
	const look = conflict ? BOLD : {};
	if (y === toY) {
		drawing.line(`M${x + 1} ${y}v5H${toX - 1}v-5`, [[x, y], [toX, y + 5]], own, dash);
		drawing.text([middleX, y + 17], text, look);
	} else if (x === toX) {
		drawing.line(`M${x} ${y + 1}h-5V${toY - 1}h5`, [[x - 5, y], [x, toY]], own, dash);
		drawing.text([x - 11, middleY], text, { ...END, ...look });
	} else {
		drawing.line(`M${x} ${y}l-3 -3L${toX - 3} ${toY - 3}l3 3`, [[x - 3, y], [toX, toY - 3]], own, dash);
		drawing.text([middleX - 13, middleY - 7], text, { ...END, ...look });
	}
}

/** @param {number} hue */
const color = (hue) => (hue ? `var(--tensorref-hue-${hue},${HUES[hue - 1]})` : "currentColor");

/** @param {string} dash */
const dashed = (dash) => (dash ? { "stroke-dasharray": dash } : {});
