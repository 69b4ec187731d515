// Tensors in memory: the same as `tensorref/layout/_drawing.py`.

import { DASHES, Drawing, EMPTY, FADED, hueOf, half, mark, refusal, stacked, table, visible } from "./picture.js";
import { product } from "./sizes.js";

const PLACES = 12;
const PLACE = 24;
const HOP = PLACE / 2 + 17;
const MOST = 4; // stages

/** Stages below each other, with an element of the same color and number in all. @type {DrawHistory} */
export function drawn(stages) {
	const most = (stages[0]?.elements ?? 0n) - 1n;
	const parts = visible(stages.length, MOST).map((number) => {
		const [at, stage] = [Number(number), number === null ? undefined : stages[Number(number)]];
		if (!stage) return dots();
		const isRefused = stage.verdict === "error";
		/** @type {(place: bigint) => [string, Mark]} */
		const cell = (place) => {
			const element = originOf(stages.slice(0, at + 1), place);
			return [`${element}`, mark({ hue: 1, tint: 4 + Number((40n * element) / (most > 1n ? most : 1n)) })];
		};
		const drawing = isRefused ? refusal("✗") : tensor(stage.axes, stage.offset, cell, at);
		drawing.heading(stage.code, isRefused ? 0 : undefined);
		return isRefused ? drawing : stacked([drawing, strip(stage, cell)], 4);
	});
	return stacked(parts);
}

/** Where in the first memory the element began that lies at a place of the last one. @type {OriginOf} */
export function originOf(stages, place) {
	return stages.reduceRight((found, { verdict }, at) => {
		const before = stages[at - 1];
		return verdict === "copy" && before ? placeOf(before, indexOf(found, before.shape)) : found;
	}, place);
}

/** @type {(at: { axes: Axis[]; offset: bigint }, index: Shape) => bigint} */
export function placeOf({ axes, offset }, index) {
	return index.reduce((total, place, axis) => total + place * (axes[axis]?.stride ?? 0n), offset);
}

/** @type {(number: bigint, shape: Shape) => bigint[]} */
function indexOf(number, shape) {
	return shape.map((size, axis) => (number / product(shape.slice(axis + 1))) % size);
}

function dots(look = {}) {
	const drawing = new Drawing();
	drawing.text([0, 0], "⋮", look);
	return drawing;
}

/** By their indices, with more than two axes the last two of a few of the first. @type {DrawTensor} */
function tensor(axes, offset, cell, panel, before = []) {
	const sides = axes.map(({ size }, at) => ({ size, label: `${size}`, hue: hueOf(at - axes.length) }));
	const place = (/** @type {Shape} */ index) => placeOf({ axes, offset }, index);
	if (axes.length < 3) {
		const drawing = table(sides, (index) => cell(place(index)), panel);
		for (const each of drawing.cells) Object.assign(each, { index: [...before, ...each.index], place: place(each.index) });
		return drawing;
	}
	const shape = axes.slice(0, -2).map(({ size }) => size);
	const parts = visible(product(shape), 3).map((number) => {
		if (number === null) return dots(FADED);
		const first = indexOf(number, shape);
		const part = tensor(axes.slice(-2), place(first), cell, panel, first);
		part.heading(`[${first.join(", ")}]`, 0);
		return part;
	});
	const [whole, middle] = [stacked(parts[0] ? parts : [table([{ size: 0n }], () => cell(0n))]), new Drawing()];
	middle.place(whole, half(-whole.left - whole.right), half(-whole.top - whole.bottom));
	return middle;
}

/** The memory in a row, and over it how far each axis steps. @type {DrawStrip} */
function strip({ axes, shape, offset, elements }, cell) {
	const drawing = new Drawing();
	const places = visible(elements, PLACES);
	const falling = axes.filter(({ stride }) => stride).sort((one, other) => Number(other.stride - one.stride));
	for (const [n, place] of places.entries()) {
		const x = n * PLACE;
		if (place === null) drawing.text([x + PLACE / 2, 0], "…", FADED);
		else {
			const [text, look] = cell(place);
			// A larger stride steps over all that the smaller ones reach.
			const rest = falling.reduce((rest, { size, stride }) => rest - (rest / stride < size ? rest / stride : size - 1n) * stride, place - offset);
			const isRead = place >= offset && !rest && !shape.includes(0n);
			drawing.box([x, -PLACE / 2], [PLACE, PLACE], isRead ? look : EMPTY, text.length < 3 ? text : "");
		}
	}
	if (!elements) drawing.box([0, -PLACE / 2], [PLACE, PLACE], EMPTY, "0");
	let side = -1;
	for (const [at, { size, stride }] of [...axes.entries()].slice(-3).reverse()) {
		const [start, end] = [places.indexOf(offset), places.indexOf(offset + stride)];
		if (size < 2n || !stride || shape.includes(0n) || start < 0 || end < 0) continue;
		const [x, toX] = [start, end].map((n) => n * PLACE + PLACE / 2);
		const [y, high] = [side * (PLACE / 2 + 3), side * HOP];
		const hue = hueOf(at - axes.length);
		drawing.line(`M${x} ${y}C${x} ${high} ${toX} ${high} ${toX} ${y}`, [[x, y], [toX, high]], hue, DASHES[hue - 1]);
		drawing.line(`M${toX - 4} ${y + side * 6}L${toX} ${y}L${toX + 4} ${y + side * 6}`, [[toX - 4, y], [toX + 4, y]], hue);
		drawing.text([half((start + end + 1) * PLACE), side * (HOP + 8)], `+${stride}`);
		side = -side;
	}
	return drawing;
}
