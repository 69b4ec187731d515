// What an index draws: the same as `tensorref/indexing/_brackets.py`.

import { flow } from "./flow.js";
import { isArray } from "./indexing.js";
import { READ, RESULT, STORED, refusal } from "./picture.js";
import { indexOf, numberOf, planes } from "./planes.js";
import { formatShape, product } from "./words.js";

const MOST_READ = 4096n;
const MOST_VALUES = 10_000_000n;
const HUES = { array: 1, mask: 1, newaxis: 2, int: 3 };

/** @type {DrawIndex} */
export function drawn(explanation, say, step = 3) {
	const { shape, entries, joint, result, view, position } = explanation;
	const text = (index) => (product(shape) > MOST_VALUES ? "" : `${numberOf(index, shape)}`);
	const arrays = entries.filter(isArray);
	const count = product(joint ?? []);
	// Where index arrays and masks read along their axes, in the order of `joint`.
	const picked = Array.from({ length: result && count <= MOST_READ ? Number(count) : 0 }, (_, number) =>
		arrays.flatMap((entry) => placesOf(entry, indexOf(BigInt(number), joint ?? []))),
	);
	const known = new Set(picked.map(String));
	let taken = 0; // axes by index arrays
	const sides = entries.flatMap(({ kind, code, picks, gives, sizes }) =>
		sizes.map((size) => {
			let wanted = kind === "int" ? picks : [];
			if (kind === "slice" && gives?.[0] < size) wanted = [0n, 1n, 2n].slice(0, Number(gives[0])).map((at) => picks[0] + picks[1] * at);
			if (HUES[kind] === 1) {
				const at = taken++;
				wanted = picked.map((index) => index[at]);
			}
			return { size, label: say("axis.code", { code, size }), hue: HUES[kind], conflict: !gives, wanted };
		}),
	);
	sides.push(...shape.slice(sides.length).map((size) => ({ size, label: `${size}` })));
	const source = planes(sides, (index) => [text(index), step && isRead(explanation, index, known) ? READ : STORED], 0);
	source.heading(`x ${formatShape(shape)}`);
	if (step < 3) return source;
	let last = refusal();
	if (result) {
		const side = (kind) => (size) => ({ size, label: kind === "newaxis" ? "1 (None)" : `${size}`, hue: HUES[kind] });
		const own = entries.flatMap((entry) => (isArray(entry) ? [] : entry.gives.map(side(entry.kind))));
		const placed = own.toSpliced(Number(position ?? 0), 0, ...(joint ?? []).map(side("array")));
		const look = view ? RESULT : { ...RESULT, dash: "3 3" };
		last = planes(placed, (index) => [text(sourceOf(explanation, index)), look], 1);
		last.heading(say("drawn", { shape: result, memory: say(view ? "view" : "copy") }));
	}
	return flow([source, last], ["→"]);
}

/** @type {PlacesOf} */
function placesOf({ kind, gives, picks, sizes }, index) {
	const own = index.slice(index.length - gives.length).map((at, axis) => (gives[axis] > 1n ? at : 0n));
	const place = picks[Number(numberOf(own, gives))];
	return kind === "array" ? [place] : indexOf(place, sizes);
}

function isRead({ entries, result }, index, picked) {
	let at = 0;
	const own = [];
	const isWithin = entries.every((entry) => {
		const { kind, axes, picks, gives } = entry;
		const [place, ...others] = index.slice(at, (at += axes.length));
		if (isArray(entry) && axes.length) own.push(place, ...others);
		if (isArray(entry) || !picks) return true;
		const [start, step = 1n] = picks;
		const steps = (place - start) / step;
		return start + steps * step === place && steps >= 0n && steps < (kind === "int" ? 1n : gives[0]);
	});
	return result && isWithin && picked.has(`${own}`);
}

/** @type {SourceOf} */
export function sourceOf({ entries, joint, position }, index) {
	const own = [...index];
	const together = own.splice(Number(position ?? 0), joint?.length ?? 0);
	return entries.flatMap((entry) => {
		const { kind, gives, picks, axes } = entry;
		if (isArray(entry)) return placesOf(entry, together);
		const taken = own.splice(0, gives.length);
		if (picks) return kind === "int" ? picks : [picks[0] + picks[1] * taken[0]];
		return axes.length ? taken : [];
	});
}
