import { CELL, EMPTY, END, bracket, room, table, visible } from "./picture.js";

const DEPTH = 11;

/** @type {Grid} */
export function grid(sides, cell, panel) {
	const [depth, row, column] = sides;
	if (!depth || !row || !column) return table(sides, cell, panel);
	const most = room().shown[3] ?? 0;
	const front = [depth.size ? row : { ...row, size: 0n }, column];
	const drawing = table(front, (index) => cell([0n, ...index]), panel, most);
	for (const { index } of drawing.cells) index.unshift(0n);
	const [rows = [], columns = [], depths = []] = [...front, depth].map(({ size }) => visible(size, most));
	const wide = drawing.wide;
	const [x0, y0] = [-((wide * (columns.length || 1)) >> 1), -((CELL * (rows.length || 1)) >> 1)];
	const right = x0 + wide * columns.length;
	const look = (...places) => (places.includes(null) ? EMPTY : cell(places)[1]);
	for (const [k, z] of drawing.cells[0] ? depths.entries() : []) {
		const [x, y] = [x0 + k * DEPTH, y0 - k * DEPTH];
		for (const [n, at] of columns.entries()) drawing.outline(`M${x + n * wide} ${y}h${wide}l${DEPTH} -${DEPTH}h-${wide}z`, look(z, 0n, at));
		for (const [n, at] of rows.entries()) {
			drawing.outline(`M${right + k * DEPTH} ${y + n * CELL}v${CELL}l${DEPTH} -${DEPTH}v-${CELL}z`, look(z, at, columns.at(-1)));
		}
	}
	const back = (depths.length || 1) * DEPTH;
	const [x, y] = [x0 - 5, y0 - 5];
	drawing.reach(x0, y - back - 3, drawing.cells[0] ? right + back : x0);
	bracket(drawing, depth, `M${x} ${y}l-3 -3l${back} -${back}l3 3`, ((2 * x + back) >> 1) - 13, ((2 * y - back) >> 1) - 7, END);
	return drawing;
}
