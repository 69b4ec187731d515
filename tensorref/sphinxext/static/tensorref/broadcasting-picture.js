// What broadcasting draws: the same as `tensorref/broadcasting.py`.

import { COPY, RESULT, STORED, boxes, flow, grid } from "./cube.js";
import { CONFLICT, EMPTY, hueOf, refusal, room } from "./picture.js";
import { chosen } from "./table.js";
import { formatShape } from "./words.js";

const MOST_DRAWN = 3; // operands, and axes, of which a picture shows the elements

/** The operands as they are stored, then as they are read, and in the end the result. @type {DrawBroadcast} */
export function drawn(explanation, say, { expands = true, ends = true } = {}) {
	const { operands, axes, result } = explanation;
	if (Math.max(axes.length, operands.length) > MOST_DRAWN) return sizes();
	const grids = operands.map(({ name, shape }, number) => {
		const drawing = grid(axes.map((axis) => side(axis, number)), (index) => cell(number, index), number);
		drawing.heading(`${name} ${formatShape(shape)}`, 0);
		return drawing;
	});
	if (ends) {
		const sides = axes.map((axis) => side(axis));
		const total = result ? grid(sides, (index) => [sum(index), RESULT], operands.length) : refusal();
		total.heading(`${say("result")} ${result ? formatShape(result) : "?"}`, 0);
		grids.push(total);
	}
	return flow(grids, [...Array(operands.length - 1).fill("+"), "="]);

	function cell(number, index) {
		const copied = axes.findLast((axis, at) => axis.expands[number] && index[at]);
		return [`${valuesAt(explanation, index)[number] ?? ""}`, copied ? { ...COPY, hue: hueOf(copied.index) } : STORED];
	}

	function sum(index) {
		const values = valuesAt(explanation, index);
		return values[0] === undefined ? "" : `${values[0] + values[1]}`;
	}

	function side(axis, number = -1) {
		const size = number < 0 || (expands && axis.expands[number]) ? axis.size : axis.sizes[number];
		const label = number < 0 ? `${size}` : text(axis, number);
		return { size, label, hue: hueOf(axis.index), conflict: axis.size === null };
	}

	function text({ sizes, padded, size, ...axis }, number) {
		const own = padded[number] ? `(${sizes[number]})` : `${sizes[number]}`;
		return expands && axis.expands[number] ? `${own} → ${size}` : own;
	}

	function sizes() {
		const places = chosen(axes.map(({ size }) => size === null), room().boxes);
		const numbers = chosen(operands.map((_, at) => axes.some(({ size, sizes }) => size === null && sizes[at] !== 1n)), room().boxes);
		const rows = [...numbers, ...(ends ? [-1] : [])].map((number) =>
			places.map((place) => (place === null || number === null ? ["…", EMPTY] : box(axes[place], number))),
		);
		const labels = numbers.map((number) => (number === null ? "…" : operands[number].name));
		const heading = places.map((place) => (place === null ? "…" : `${axes[place].index}`));
		return boxes([...labels, say("result")], rows, heading);
	}

	function box(axis, number) {
		if (axis.size === null) {
			if (number < 0) return ["?", CONFLICT];
			const own = text(axis, number);
			return axis.sizes[number] === 1n ? [own, STORED] : [`✗ ${own}`, CONFLICT];
		}
		if (number < 0) return [`${axis.size}`, RESULT];
		return [text(axis, number), expands && axis.expands[number] ? { ...COPY, hue: hueOf(axis.index) } : STORED];
	}
}

/** What the operands hold where they are read: two small ones count in tens and in ones. @type {ValuesAt} */
export function valuesAt({ operands: [a, b, ...others], result }, index) {
	if (!a || !b || others[0] || !result || a.elements > 100n || b.elements > 10n) return [];
	return [a, b].map(({ strides }, number) => {
		const place = index.reduce((total, at, axis) => total + at * (strides[axis]), 0n);
		return number ? place : place * 10n;
	});
}
