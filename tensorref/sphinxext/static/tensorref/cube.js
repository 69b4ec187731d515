// Pictures of arrays, and of several side by side: the rest of `tensorref/_picture.py`.

import { BOLD, CELL, Drawing, EMPTY, END, FADED, GAP, bracket, half, lettersOf, mark, room, stacked, table, visible } from "./picture.js";

const LETTER = 8;
const DEPTH = 11;

export const STORED = mark({});
export const RESULT = mark({ tint: 20 });
export const COPY = mark({ tint: 6, dash: "3 3", faded: true });
export const READ = mark({ hue: 1, tint: 34, thick: true });

/** An array of up to three axes: a cell, a row, a table or a cube. @type {Grid} */
export function grid(sides, cell, panel = 0) {
	const [depth, row, column] = sides;
	if (!depth || !row || !column) return table(sides, cell, panel);
	const most = room().shown[3] ?? 0;
	const [depths = [], rows = [], columns = []] = sides.map(({ size }) => visible(size, most));
	const isEmpty = sides.some(({ size }) => !size);
	const drawing = table([row, column], (index) => cell([0n, ...index]), panel, { most, isEmpty });
	for (const { index } of drawing.cells) index.unshift(0n);
	const { wide } = drawing.cells[0] ?? { wide: CELL };
	const [x0, y0] = [-half(wide * (columns.length || 1)), -half(CELL * (rows.length || 1))];
	for (const [k, depth] of isEmpty ? [] : depths.entries()) {
		const [near, far] = [k * DEPTH, (k + 1) * DEPTH];
		for (const [n, column] of columns.entries()) {
			const [x, end] = [x0 + n * wide, x0 + (n + 1) * wide];
			drawing.shape([[x + near, y0 - near], [end + near, y0 - near], [end + far, y0 - far], [x + far, y0 - far]], look([depth, 0n, column]));
		}
		const right = x0 + wide * columns.length;
		for (const [n, row] of rows.entries()) {
			const [y, end] = [y0 + n * CELL, y0 + (n + 1) * CELL];
			const outline = [[right + near, y - near], [right + far, y - far], [right + far, end - far], [right + near, end - near]];
			drawing.shape(/** @type {Point[]} */ (outline), look([depth, row, columns.at(-1) ?? null]));
		}
	}
	const back = (depths.length || 1) * DEPTH;
	bracket(drawing, depth, [x0 - 5, y0 - 5], [x0 - 5 + back, y0 - 5 - back]);
	return drawing;

	/** @param {Place[]} places */
	function look(places) {
		const index = places.flatMap((place) => place ?? []);
		return index.length < 3 ? EMPTY : cell(index)[1];
	}
}

/** Put drawings side by side with signs between, and on a new line where they become too wide. @type {Flow} */
export function flow(drawings, signs) {
	let line = new Drawing();
	const lines = [line];
	let x = 0;
	for (const [at, drawing] of drawings.entries()) {
		const wide = drawing.right - drawing.left;
		if (x && x + wide + 2 * GAP > room().width) {
			lines.push((line = new Drawing()));
			x = 0;
		}
		if (at) line.text([x + GAP, 0], signs[at - 1], BOLD);
		if (at) x += 2 * GAP;
		line.place(drawing, x - drawing.left);
		x += wide;
	}
	return stacked(lines);
}

/** A size in a box for every axis: a line of boxes for each label, the headings above. @type {Boxes} */
export function boxes(labels, rows, heading) {
	const letters = Math.max(...rows.flat().map(([text]) => lettersOf(text)), rows[0]?.[0] ? 0 : 1);
	const wide = Math.max(2 * CELL, letters * LETTER + 12);
	const drawing = new Drawing();
	const middle = (/** @type {number} */ column) => column * wide + half(wide) - 3;
	for (const [column, text] of heading.entries()) drawing.text([middle(column), -14], text, FADED);
	for (const [line, row] of rows.entries()) {
		const y = line * (CELL + 8);
		drawing.text([-GAP, y + CELL / 2], labels[line], { ...END, ...BOLD });
		for (const [column, [text, look]] of row.entries()) {
			if (text === "…") drawing.text([middle(column), y + CELL / 2], text, FADED);
			else drawing.box([column * wide, y], [wide - 6, CELL], look, text);
		}
	}
	return drawing;
}
