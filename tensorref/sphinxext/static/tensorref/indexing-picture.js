// What an index draws: the same as `tensorref/indexing/_brackets.py`.

import { READ, RESULT, STORED, flow } from "./flow.js";
import { isArray } from "./indexing.js";
import { refusal } from "./picture.js";
import { indexOf, numberOf, planes } from "./planes.js";
import { formatShape, product } from "./words.js";

const MOST_READ = 4096n;
const MOST_VALUES = 10_000_000n;
const HUES = { array: 1, mask: 1, newaxis: 2, int: 3 };

/** The source with what is read; in the end the result, with the same numbers where they come to stand. @type {DrawIndex} */
export function drawn(explanation, say, step = 3) {
	const { shape, entries, joint, result, view, position } = explanation;
	const text = (index) => (product(shape) > MOST_VALUES ? "" : `${numberOf(index, shape)}`);
	const arrays = entries.filter(isArray);
	const count = product(joint ?? []);
	const isKnown = result && count <= MOST_READ && arrays.every(({ picks }) => picks);
	// Where index arrays and masks read along their axes, in the order of `joint`.
	const picked = Array.from({ length: isKnown ? Number(count) : 0 }, (_, number) =>
		arrays.flatMap((entry) => placesOf(entry, indexOf(BigInt(number), joint ?? []))),
	);
	const known = new Set(picked.map(String));
	let taken = 0; // axes by index arrays
	const sides = entries.flatMap(({ kind, code, picks, gives, sizes }) =>
		sizes.map((size) => {
			let wanted = kind === "int" ? picks : [];
			if (kind === "slice" && gives?.[0] < size) wanted = [0n, 1n, 2n].slice(0, Number(gives[0])).map((at) => picks[0] + picks[1] * at);
			if (HUES[kind] === 1) wanted = picked.map((index) => index[taken]);
			taken += Number(HUES[kind] === 1);
			return { size, label: say("axis.code", { code, size }), hue: HUES[kind], conflict: !gives, wanted };
		}),
	);
	sides.push(...shape.slice(sides.length).map((size) => ({ size, label: `${size}` })));
	const source = planes(sides, (index) => [text(index), step && isKnown && isRead(explanation, index, known) ? READ : STORED], 0);
	source.heading(`x ${formatShape(shape)}`);
	if (step < 3) return source;
	let last = refusal();
	if (result) {
		const side = (size, kind) => ({ size, label: kind === "newaxis" ? "1 (None)" : `${size}`, hue: HUES[kind] });
		const own = entries.flatMap(({ kind, gives }) => (HUES[kind] === 1 ? [] : gives.map((size) => side(size, kind))));
		const together = (joint ?? []).map((size) => side(size, "array"));
		const look = view ? RESULT : { ...RESULT, dash: "3 3" };
		const placed = own.toSpliced(Number(position ?? 0), 0, ...together);
		last = planes(placed, (index) => [isKnown ? text(sourceOf(explanation, index)) : "", look], 1);
	}
	const written = `x[${entries.map(({ code }) => code).join(", ")}]`;
	last.heading(result ? say("drawn", { shape: result, memory: say(view ? "view" : "copy") }) : written);
	return flow([source, last], ["→"]);
}

/** Where an index array or a mask reads for one element of what they all broadcast to. */
function placesOf({ kind, gives, picks, sizes }, index) {
	const own = index.slice(index.length - gives.length).map((at, axis) => (gives[axis] > 1n ? at : 0n));
	const place = picks[Number(numberOf(own, gives))];
	return kind === "array" ? [place] : indexOf(place, sizes);
}

function isRead({ entries }, index, picked) {
	let at = 0;
	const own = [];
	const isWithin = entries.every((entry) => {
		const { kind, axes, picks, gives } = entry;
		const places = index.slice(at, (at += axes.length));
		if (isArray(entry)) own.push(...places);
		if (kind === "int") return places[0] === picks[0];
		if (kind !== "slice" || !picks) return true;
		const steps = (places[0] - picks[0]) / picks[1];
		return (places[0] - picks[0]) % picks[1] === 0n && steps >= 0n && steps < gives[0];
	});
	return isWithin && picked.has(`${own}`);
}

/** Where the source has an element of the result. @type {SourceOf} */
export function sourceOf({ entries, joint, position }, index) {
	const own = [...index];
	const together = own.splice(Number(position ?? 0), joint?.length ?? 0);
	return entries.flatMap((entry) => {
		const { kind, gives, picks, axes } = entry;
		if (isArray(entry)) return placesOf(entry, together);
		if (kind === "int") return picks;
		const taken = own.splice(0, gives.length);
		return kind === "slice" && picks ? [picks[0] + picks[1] * taken[0]] : axes.length ? taken : [];
	});
}
