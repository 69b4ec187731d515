// Tensors in memory: the same as `tensorref/layout/_drawing.py`.

import { Drawing, EMPTY, FADED, hueOf, mark, refusal, room, stacked, table, visible } from "./picture.js";
import { product } from "./words.js";

const MOST = 4; // stages

/** @type {DrawHistory} */
export function drawn(stages) {
	const most = (stages[0]?.elements ?? 1n) - 1n;
	const parts = visible(stages.length, MOST).map((number) => {
		const at = Number(number);
		const stage = stages[at];
		if (number === null || !stage) return dots();
		const { axes, shape, offset, code, verdict, elements } = stage;
		if (verdict === "error") {
			const drawing = refusal("✗");
			drawing.heading(code, 0);
			return drawing;
		}
		const cell = (place) => {
			const element = originOf(stages.slice(0, at + 1), place);
			return [`${element}`, mark({ hue: 1, tint: 4 + Number((40n * element) / (most > 1n ? most : 1n)) })];
		};
		const drawing = tensor(axes, offset);
		drawing.heading(code);
		return stacked([drawing, strip()], 4);

		/** With more than two axes, the last two of a few of the first. @returns {Drawing} */
		function tensor(axes, offset, before = []) {
			const place = (index) => placeOf({ axes, offset }, index);
			if (axes.length < 3) {
				const sides = axes.map(({ size, stride }, at) => ({ size, label: `${size} (+${stride})`, hue: hueOf(at - axes.length) }));
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
			return stacked(parts[0] ? parts : [table([{ size: 0n }])]);
		}

		function strip() {
			const falling = axes.filter(({ stride }) => stride).sort((one, other) => Number(other.stride - one.stride));
			// A larger stride steps over all that the smaller ones reach.
			const step = (rest, { size, stride }) => (rest / stride < size ? rest % stride : rest - (size - 1n) * stride);
			const drawing = table([{ size: elements }], ([place = 0n]) => {
				const isRead = place >= offset && !falling.reduce(step, place - offset) && !shape.includes(0n);
				const [text = "", look] = cell(place);
				return [text[2] ? "" : text, isRead ? look : EMPTY];
			}, at, room().places);
			for (const each of drawing.cells) Object.assign(each, { place: each.index[0], index: null });
			return drawing;
		}
	});
	return stacked(parts);
}

/** @type {OriginOf} */
export function originOf(stages, place) {
	return stages.reduceRight((found, { verdict }, at) => {
		const before = stages[at - 1];
		return verdict === "copy" && before ? placeOf(before, indexOf(found, before.shape)) : found;
	}, place);
}

/** @returns {bigint} */
const placeOf = ({ axes, offset }, index) => index.reduce((total, at, axis) => total + at * axes[axis].stride, offset);

const indexOf = (number, shape) => shape.map((size, axis) => (number / product(shape.slice(axis + 1))) % size);

function dots(look) {
	const drawing = new Drawing();
	drawing.text(0, 0, "⋮", look);
	return drawing;
}
