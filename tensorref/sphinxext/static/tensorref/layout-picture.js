// Tensors in memory: the same as `tensorref/layout/_drawing.py`.

import { DASHES, Drawing, EMPTY, FADED, half, hueOf, mark, refusal, room, stacked, table, visible } from "./picture.js";
import { product } from "./sizes.js";

const MOST = 4; // stages

/** Stages below each other, with an element of the same color and number in all. @type {DrawHistory} */
export function drawn(stages) {
	const most = stages[0].elements - 1n;
	const parts = visible(stages.length, MOST).map((number) => {
		const at = Number(number);
		const { axes, shape, offset, code, verdict, elements } = stages[at];
		if (number === null) return dots();
		if (verdict === "error") {
			const drawing = refusal("✗");
			drawing.heading(code, 0);
			return drawing;
		}
		/** @returns {[string, Mark]} */
		const cell = (place) => {
			const element = originOf(stages.slice(0, at + 1), place);
			return [`${element}`, mark({ hue: 1, tint: 4 + Number((40n * element) / (most > 1n ? most : 1n)) })];
		};
		const drawing = tensor(axes, offset);
		drawing.heading(code);
		return stacked([drawing, strip()], 4);

		/** By their indices, with more than two axes the last two of a few of the first. @returns {Drawing} */
		function tensor(axes, offset, before = []) {
			const place = (index) => placeOf({ axes, offset }, index);
			if (axes.length < 3) {
				const sides = axes.map(({ size }, at) => ({ size, label: `${size}`, hue: hueOf(at - axes.length) }));
				const drawing = table(sides, (index) => cell(place(index)), at);
				for (const each of drawing.cells) Object.assign(each, { index: [...before, ...each.index], place: place(each.index) });
				return drawing;
			}
			const outer = axes.slice(0, -2).map(({ size }) => size);
			const parts = visible(product(outer), 3).map((number) => {
				if (number === null) return dots(FADED);
				const first = indexOf(number, outer);
				const part = tensor(axes.slice(-2), place(first), first);
				part.heading(`[${first.join(", ")}]`, 0);
				return part;
			});
			const [whole, middle] = [stacked(parts[0] ? parts : [table([{ size: 0n }])]), new Drawing()];
			middle.place(whole, half(-whole.left - whole.right), half(-whole.top - whole.bottom));
			return middle;
		}

		/** The memory in a row, and over it how far each axis steps. */
		function strip() {
			const falling = axes.filter(({ stride }) => stride).sort((one, other) => Number(other.stride - one.stride));
			const hasNone = shape.includes(0n);
			// A larger stride steps over all that the smaller ones reach.
			const step = (rest, { size, stride }) => rest - (rest / stride < size ? rest / stride : size - 1n) * stride;
			const drawing = table([{ size: elements }], ([place]) => {
				const [text, look] = cell(place);
				const isRead = place >= offset && !falling.reduce(step, place - offset) && !hasNone;
				return [text.length < 3 ? text : "", isRead ? look : EMPTY];
			}, at, room().places);
			const places = visible(elements, room().places);
			for (const each of drawing.cells) Object.assign(each, { place: each.index[0], isMemory: true });
			let side = -1;
			for (const [axis, { size, stride }] of [...axes.entries()].slice(-3).reverse()) {
				const ends = [offset, offset + stride].map((place) => places.indexOf(place));
				if (size < 2n || !stride || hasNone || ends.includes(-1)) continue;
				const [x = 0, toX = 0] = ends.map((n) => 14 * (2 * n + 1 - places.length));
				const [y, high, hue] = [side * 17, side * 31, hueOf(axis - axes.length)];
				drawing.line(`M${x} ${y}C${x} ${high} ${toX} ${high} ${toX} ${y}`, hue, DASHES[hue - 1]);
				drawing.line(`M${toX - 4} ${y + side * 6}L${toX} ${y}L${toX + 4} ${y + side * 6}`, hue);
				drawing.text(half(x + toX), side * 39, `+${stride}`);
				side = -side;
			}
			return drawing;
		}
	});
	return stacked(parts);
}

/** Where in the first memory the element began that lies at a place of the last one. @type {OriginOf} */
export function originOf(stages, place) {
	return stages.reduceRight((found, { verdict }, at) => {
		const before = stages[at - 1];
		return verdict === "copy" ? placeOf(before, indexOf(found, before.shape)) : found;
	}, place);
}

const placeOf = ({ axes, offset }, index) => index.reduce((total, at, axis) => total + at * axes[axis].stride, offset);

const indexOf = (number, shape) => shape.map((size, axis) => (number / product(shape.slice(axis + 1))) % size);

function dots(look = {}) {
	const drawing = new Drawing();
	drawing.text(0, 0, "⋮", look);
	return drawing;
}
