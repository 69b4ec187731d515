// What the explorers of matrix products and of einsum share.

import { BOLD, CELL, END, GAP, table } from "./picture.js";
import { formatShape, product } from "./words.js";

const LARGE = 2n ** 24n; // elements, beyond which the code to copy makes no arrays
const LONG = 2n ** 28n; // floating-point operations, beyond which it does none
const LARGEST = 2n ** 59n; // elements, beyond which no library counts the bytes

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

/** @type {OnesCode} */
export function onesCode({ shapes, result, flops }, names, shown) {
	const most = [...shapes, result ?? []].map((shape) => product(shape.map((size) => size || 1n)));
	const isLarge = most.some((size) => size > LARGE) || (flops ?? 0n) > LONG;
	if (most.some((size) => size > LARGEST) || (isLarge && !result)) return {};
	const written = (imported, library, end = "") => {
		const lines = shapes.map((shape, at) => `${names[at]} = ${library}.ones(${formatShape(shape)}${end})`);
		return [`import ${imported}`, "", ...lines, shown(library)].join("\n");
	};
	if (isLarge) return { PyTorch: written("torch", "torch", ', device="meta"') };
	return { NumPy: written("numpy as np", "np"), PyTorch: written("torch", "torch") };
}
