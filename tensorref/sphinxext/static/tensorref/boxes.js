import { BOLD, CELL, END, GAP, table } from "./picture.js";

/** @type {Boxes} */
export function boxes(labels, rows, heading = []) {
	const columns = Math.max(...rows.map(({ length }) => length));
	const sides = [rows.length, columns].map((size) => ({ size: BigInt(size) }));
	const drawing = table(sides, ([row, column]) => rows[Number(row)][Number(column)] ?? [""], -1, Infinity);
	const { left, top, wide } = drawing;
	for (const n of rows.keys()) drawing.text(left - GAP, top + n * CELL + CELL / 2, labels[n], { ...END, ...BOLD });
	for (const [n, text] of heading.entries()) drawing.text(left + n * wide + (wide >> 1), top - 14, text);
	return drawing;
}
