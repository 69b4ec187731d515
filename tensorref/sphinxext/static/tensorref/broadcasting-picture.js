// What broadcasting draws: the same as `tensorref/broadcasting.py`.

import { COPY, RESULT, STORED, boxes, flow, grid } from "./cube.js";
import { CONFLICT, EMPTY, hueOf, refusal, room } from "./picture.js";
import { formatShape } from "./sizes.js";

const MOST_DRAWN = 3; // operands, and axes, of which a picture shows the elements

/** The operands as they are stored, then as they are read, and in the end the result. @type {DrawBroadcast} */
export function drawn(explanation, say, { expands = true, ends = true } = {}) {
	const { operands, axes, result } = explanation;
	const given = result ? formatShape(result) : "?";
	if (Math.max(axes.length, operands.length) > MOST_DRAWN) return sizes();
	const grids = operands.map(({ name, shape }, number) => {
		const drawing = grid(axes.map((axis) => side(axis, number)), (index) => cell(number, index), number);
		drawing.heading(`${name} ${formatShape(shape)}`, 0);
		return drawing;
	});
	if (ends) {
		const sides = axes.map((axis) => side(axis, -1));
		const total = result ? grid(sides, (index) => [sum(index), RESULT], operands.length) : refusal();
		total.heading(`${say("result")} ${given}`, 0);
		grids.push(total);
	}
	return flow(grids, [...Array(operands.length - 1).fill("+"), "="]);

	/** @type {(number: number, index: Shape) => [string, Mark]} */
	function cell(number, index) {
		const copied = axes.findLast((axis, at) => axis.expands[number] && index[at]);
		const text = valuesAt(explanation, index)[number] ?? "";
		return [`${text}`, copied ? { ...COPY, hue: hueOf(copied.index) } : STORED];
	}

	/** @param {Shape} index */
	function sum(index) {
		const values = valuesAt(explanation, index);
		return values[0] === undefined ? "" : `${values.reduce((total, value) => total + value)}`;
	}

	/** @type {(axis: BroadcastAxis, number: number) => Side} */
	function side(axis, number) {
		const hue = hueOf(axis.index);
		const [own = axis.size ?? 0n] = number < 0 || (expands && axis.expands[number]) ? [] : [axis.sizes[number]];
		const label = number < 0 ? `${own}` : text(axis, number);
		return { size: own, label, hue, conflict: number >= 0 && axis.size === null };
	}

	/** @type {(axis: BroadcastAxis, number: number) => string} */
	function text({ sizes, padded, size, ...axis }, number) {
		const own = padded[number] ? `(${sizes[number]})` : `${sizes[number]}`;
		return expands && axis.expands[number] ? `${own} → ${size}` : own;
	}

	function sizes() {
		const places = chosen(axes.map(({ size }) => size === null));
		const takesPart = operands.map((_, number) => axes.some(({ size, sizes }) => size === null && sizes[number] !== 1n));
		const numbers = chosen(takesPart);
		const rows = [...numbers, ...(ends ? [-1] : [])].map((number) =>
			places.map((place) => (place === null || number === null ? left() : box(axes[place], number))),
		);
		const labels = numbers.map((number) => (number === null ? "…" : (operands[number]?.name ?? "")));
		const heading = places.map((place) => (place === null ? "…" : `${axes[place]?.index}`));
		return boxes([...labels, say("result")], rows, heading);
	}

	/** @returns {[string, Mark]} */
	function left() {
		return ["…", EMPTY];
	}

	/** @type {(axis: BroadcastAxis | undefined, number: number) => [string, Mark]} */
	function box(axis, number) {
		if (!axis) return left();
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
		const place = index.reduce((total, at, axis) => total + at * (strides?.[axis] ?? 0n), 0n);
		return number ? place : place * 10n;
	});
}

/** Places to draw, those of `first` before others and then the last ones, with null where some are left out. @param {boolean[]} first */
function chosen(first) {
	const order = [...first.keys()].sort((a, b) => Number(first[b]) - Number(first[a]) || b - a).slice(0, room().boxes);
	/** @type {(number | null)[]} */
	const places = [];
	for (const place of order.sort((a, b) => a - b)) {
		if (place && places.at(-1) !== place - 1) places.push(null);
		places.push(place);
	}
	return places.length && places.at(-1) !== first.length - 1 ? [...places, null] : places;
}
