// The same as `tensorref/_picture.py`, letter for letter.

export const CELL = 28;
export const GAP = 16;
const LETTER = 8;
const LONGEST = 32;
const HUES = ["#0072b2", "#009e73", "#cc79a7", "#d55e00"];
export const DASHES = ["", "6 3", "2 3"];
export const BOLD = { "font-weight": "700" };
export const FADED = { "fill-opacity": ".7" };
export const END = { "text-anchor": "end" };

export const phone = globalThis.matchMedia?.("(max-width: 30em)");
/** @type {Room} */
export const room = () =>
	phone?.matches
		? { width: 270, shown: [1, 7, 4, 3], places: 8, boxes: 3 }
		: { width: 460, shown: [1, 8, 5, 4], places: 12, boxes: 6 };

/** @returns {Mark} */
export const mark = (given) => ({ hue: 0, tint: 8, ...given });
export const STORED = mark();
export const RESULT = mark({ tint: 20 });
export const COPY = mark({ tint: 6, dash: "3 3", faded: true });
export const READ = mark({ hue: 1, tint: 34, thick: true });
export const EMPTY = mark({ tint: 0, dash: "1 4", faded: true });
export const CONFLICT = mark({ hue: 4, tint: 14, thick: true });

export class Drawing {
	parts = [];
	outlines = new Map();
	cells = [];
	left = Infinity;
	top = Infinity;
	right = -Infinity;
	bottom = -Infinity;
	wide = CELL;

	reach(x, y, toX = x, toY = y) {
		[this.left, this.right] = [Math.min(x, this.left), Math.max(toX, this.right)];
		[this.top, this.bottom] = [Math.min(y, this.top), Math.max(toY, this.bottom)];
	}

	/** Those that look the same are one group. */
	outline(d, { hue, tint, dash, thick }) {
		const fill = tint ? { fill: color(hue), "fill-opacity": `${tint / 100}`.slice(1) } : { fill: "none" };
		const look = { stroke: color(hue), ...fill, ...dashed(dash), ...(thick && { "stroke-width": "3" }) };
		const key = `${Object.values(look)}`;
		const group = this.outlines.get(key) ?? ["g", look];
		/** @type {Part} */
		const path = ["path", { d }];
		this.outlines.set(key, [...group, path]);
		return path;
	}

	box(x, y, width, look, text = "", height = CELL) {
		this.reach(x, y, x + width, y + height);
		this.text(x + (width >> 1), y + (height >> 1), text, { ...(look.faded && FADED), ...(look.thick && BOLD) });
		return this.outline(`M${x} ${y}h${width}v${height}h${-width}z`, look);
	}

	text(x, y, text, look = {}) {
		if (!text) return;
		const width = lettersOf(text) * LETTER;
		const left = x - (look["text-anchor"] ? width : width >> 1);
		this.reach(left, y - 9, left + width, y + 9);
		this.parts.push(["text", { x: `${x}`, y: `${y + 5}`, ...look }, shortened(text)]);
	}

	line(d, hue = 0, dash = "") {
		this.parts.push(["path", { d, stroke: color(hue), fill: "none", "stroke-width": "2", ...dashed(dash) }]);
	}

	elements() {
		return [...this.outlines.values(), ...this.parts];
	}

	place(other, x = 0, y = 0) {
		this.reach(other.left + x, other.top + y, other.right + x, other.bottom + y);
		this.parts.push(["g", { transform: `translate(${x} ${y})` }, ...other.elements()]);
		this.cells.push(...other.cells);
	}

	heading(text, x = (this.left + this.right) >> 1) {
		this.text(x, this.top - 13, text, BOLD);
	}
}

export function framed({ left, top, right, bottom }) {
	const [width, height] = [`${right - left + 12}`, `${bottom - top + 12}`];
	return { viewBox: `${left - 6} ${top - 6} ${width} ${height}`, width, height };
}

export function shortened(text) {
	const letters = [...text];
	return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : text;
}

export const lettersOf = (text) => [...shortened(text)].length;

/** @type {Visible} */
export function visible(size, most) {
	const places = Array.from({ length: Math.min(Number(size), most) }, (_, at) => BigInt(at));
	return size > most ? [...places.slice(0, most - 2), null, BigInt(size) - 1n] : places;
}

export function refusal(text = "?") {
	const drawing = new Drawing();
	drawing.box(-CELL / 2, -CELL / 2, CELL, CONFLICT, text);
	return drawing;
}

export function stacked(drawings, gap = GAP) {
	const whole = new Drawing();
	let y = 0;
	for (const drawing of drawings) {
		whole.place(drawing, -drawing.left, y - drawing.top);
		y += drawing.bottom - drawing.top + gap;
	}
	return whole;
}

/** @type {Table2D} */
export function table(sides, cell, panel = 0, most = room().shown[sides.length] ?? 0) {
	const lacking = 2 - sides.length;
	const [row, column] = [...Array(lacking).fill({ size: 1n }), ...sides];
	const [rows, columns] = [row, column].map(({ size, places }) => places ?? visible(size, most));
	const front = rows.flatMap((y, n) =>
		columns.map((x, m) => {
			const index = y !== null && x !== null && [y, x].slice(lacking);
			return { index, n, m, look: index ? cell?.(index) : [y === null ? "⋮" : "…"] };
		}),
	);
	const wide = Math.max(CELL, ...front.map(({ look: [text] }) => lettersOf(text) * LETTER + 6));
	const [width, height] = [wide * (columns.length || 1), CELL * (rows.length || 1)];
	const [x0, y0] = [-(width >> 1), -(height >> 1)];
	const drawing = new Drawing();
	drawing.wide = wide;
	if (!front[0]) drawing.box(x0, y0, width, EMPTY, "0", height);
	for (const { index, n, m, look: [text, look] } of front) {
		const [x, y] = [x0 + m * wide, y0 + n * CELL];
		if (look) drawing.cells.push({ panel, index, part: drawing.box(x, y, wide, look, text) });
		else drawing.text(x + (wide >> 1), y + CELL / 2, text, FADED);
	}
	const [below, beside] = [y0 + height + 6, x0 - 6];
	bracket(drawing, column, `M${x0 + 1} ${below}v5H${x0 + width - 1}v-5`, 0, below + 17);
	bracket(drawing, row, `M${beside} ${y0 + 1}h-5V${y0 + height - 1}h5`, beside - 11, 0, END);
	return drawing;
}

export function bracket(drawing, side, d, x, y, look = {}) {
	const { label, hue, conflict } = side;
	if (!label) return;
	drawing.line(d, conflict ? HUES.length : hue, DASHES[hue - 1]);
	drawing.text(x, y, conflict ? `✗ ${label}` : label, conflict ? { ...look, ...BOLD } : look);
}

/** @type {HueOf} */
export const hueOf = (axis) => ((-Number(axis) - 1) % 3) + 1;

const color = (hue) => (hue ? `var(--tensorref-hue-${hue},${HUES[hue - 1]})` : "currentColor");

const dashed = (dash) => (dash ? { "stroke-dasharray": dash } : {});
