// What broadcasting draws: the same as `tensorref/broadcasting.py`.

import { grid } from "./cube.js";
import { flow } from "./flow.js";
import { COPY, RESULT, STORED, hueOf, refusal } from "./picture.js";
import { formatShape } from "./words.js";

const MOST_DRAWN = 3; // axes

/** @type {DrawBroadcast} */
export function drawn(explanation, say, { expands = true, ends = true } = {}) {
	const { operands, axes, result } = explanation;
	const order = axes.toSorted((a, b) => Number(a.size !== null) - Number(b.size !== null) || Number(b.index - a.index));
	const shown = axes.filter((axis) => order.indexOf(axis) < MOST_DRAWN);
	const whole = (index) => axes.map((axis) => index[shown.indexOf(axis)] ?? 0n);
	const grids = operands.map(({ name, shape }, number) => {
		const drawing = grid(shown.map((axis) => side(axis, number)), (index) => cell(number, whole(index)), number);
		drawing.heading(`${name} ${formatShape(shape)}`, 0);
		return drawing;
	});
	if (ends) {
		const sides = shown.map(({ size, index }) => ({ size: size ?? 0n, label: `${size}`, hue: hueOf(index) }));
		const total = result ? grid(sides, (index) => [sum(whole(index)), RESULT], operands.length) : refusal();
		total.heading(`${say("result")} ${result ? formatShape(result) : "?"}`, 0);
		grids.push(total);
	}
	const [between, last] = valuesAt(explanation, []).length ? "+=" : ",→";
	const drawing = flow(grids, [...Array(operands.length - 1).fill(between), last]);
	for (const cell of drawing.cells) cell.index = whole(cell.index);
	return drawing;

	function cell(number, index) {
		const copied = axes.findLast((axis, at) => axis.expands[number] && index[at]);
		return [`${valuesAt(explanation, index)[number] ?? ""}`, copied ? { ...COPY, hue: hueOf(copied.index) } : STORED];
	}

	function sum(index) {
		const [a = 0n, b] = valuesAt(explanation, index);
		return b === undefined ? "" : `${a + b}`;
	}

	function side({ index, sizes, padded, size, ...axis }, number) {
		const own = padded[number] ? `(${sizes[number]})` : `${sizes[number]}`;
		const repeats = expands && axis.expands[number];
		return { size: repeats ? size : sizes[number], label: repeats ? `${own} → ${size}` : own, hue: hueOf(index), conflict: size === null };
	}
}

/** @type {ValuesAt} */
export function valuesAt({ operands: [a, b, ...others], result }, index) {
	if (!a || !b || others[0] || !result || a.elements > 100n || b.elements > 10n) return [];
	return [a, b].map(({ strides }, number) => {
		const place = index.reduce((total, at, axis) => total + at * (strides?.[axis] ?? 0n), 0n);
		return number ? place : place * 10n;
	});
}
