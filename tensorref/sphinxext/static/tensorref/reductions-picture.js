// What a reduction draws: the same as `tensorref/reductions.py`.

import { flow } from "./flow.js";
import { DASHES, STORED, mark, refusal } from "./picture.js";
import { numberOf, planes } from "./planes.js";
import { formatShape, product } from "./words.js";

const MOST_VALUES = 200n;
const HUES = 3n;

/** What goes into one element of the result alike; the result, in the end. */
export function drawn(explanation, say, step = 3) {
	const { name, shape, axes, result } = explanation;
	const isKept = ({ verdict }) => verdict === "kept";
	const hasValues = [product(shape), ...shape].every((size) => size <= MOST_VALUES);
	const look = (kept) => {
		const hue = Number(kept.reduce((total, at) => total + at, 0n) % HUES) + 1;
		return mark({ hue, tint: 30, dash: DASHES[hue - 1], thick: kept.every((at) => !at) });
	};
	const cell = (index) => {
		const text = hasValues ? `${numberOf(index, shape)}` : "";
		return [text, result && step > 1 ? look(index.filter((_, at) => isKept(axes[at]))) : STORED];
	};
	const total = (index) => {
		const at = placesOf(explanation, index);
		return [hasValues ? `${valuesOf(explanation, at).reduce((sum, value) => sum + value, 0n)}` : "", look(at.filter((place) => place !== null))];
	};
	const sides = axes.map((axis) => ({ size: axis.size, label: isKept(axis) || !step ? `${axis.size}` : `Σ ${axis.size}`, hue: 0 }));
	const source = planes(sides, cell, 0);
	source.heading(`${name} ${formatShape(shape)}`);
	if (step < 3) return source;
	const last = result ? planes(result.map((size) => ({ size, label: `${size}`, hue: 0 })), total, 1) : refusal();
	last.heading(`${say("result")} ${result ? formatShape(result) : "?"}`);
	return flow([source, last], ["→"]);
}

/** For each axis the place that an element of the result stands for, null where that is all of them. */
export function placesOf({ axes, keepdims }, index) {
	let at = 0;
	return axes.map(({ verdict }) => {
		const place = verdict === "kept" || keepdims ? index[at++] : null;
		return verdict === "kept" ? place : null;
	});
}

/** The numbers of the elements that one of the result is made of. */
export function valuesOf({ axes, shape }, at) {
	const indices = axes.reduce(
		(all, { size }, axis) => {
			const places = at[axis] === null ? Array.from({ length: Number(size) }, (_, place) => BigInt(place)) : [at[axis]];
			return all.flatMap((index) => places.map((place) => [...index, place]));
		},
		[[]],
	);
	return indices.map((index) => numberOf(index, shape));
}
