// What an index draws: the same as `tensorref/indexing/_brackets.py`.

import { READ, RESULT, STORED, flow } from "./cube.js";
import { isArray } from "./indexing.js";
import { refusal } from "./picture.js";
import { indexOf, numberOf, planes } from "./planes.js";
import { formatShape, product } from "./words.js";

const MOST_READ = 4096n;
const MOST_VALUES = 10_000_000n;
const [ARRAY_HUE, NEW_HUE, GONE_HUE] = [1, 2, 3];

/** The source with what is read; in the end the result, with the same numbers where they come to stand. @type {DrawIndex} */
export function drawn(explanation, say, step = 3) {
	const { shape, entries, joint, result, view, position } = explanation;
	const hasValues = product(shape) <= MOST_VALUES;
	const text = (index) => (hasValues ? `${numberOf(index, shape)}` : "");
	const picked = pickedBy(explanation);
	const known = picked && new Set(picked.map(String));
	const source = planes(sides(), (index) => [text(index), known && step && isRead(explanation, index, known) ? READ : STORED], 0);
	source.heading(`x ${formatShape(shape)}`);
	if (step < 3) return source;
	const look = view ? RESULT : { ...RESULT, dash: "3 3" };
	const last = result ? planes(resultSides(), (index) => [picked ? text(sourceOf(explanation, index)) : "", look], 1) : refusal();
	const written = `x[${entries.map(({ code }) => code).join(", ")}]`;
	last.heading(result ? say("drawn", { shape: result, memory: say(view ? "view" : "copy") }) : written);
	return flow([source, last], ["→"]);

	/** The axes of the source, each with the entry that takes it. */
	function sides() {
		let taken = 0; // axes by index arrays
		const found = entries.flatMap((entry) => {
			const { kind, code, picks, gives, sizes } = entry;
			const hue = isArray(entry) ? ARRAY_HUE : kind === "int" ? GONE_HUE : 0;
			return sizes.map((size) => {
				let wanted = [];
				if (kind === "slice" && picks && gives && gives[0] < size) {
					wanted = [0n, 1n, 2n].filter((at) => at < gives[0]).map((at) => picks[0] + picks[1] * at);
				} else if (kind === "int") wanted = picks ?? [];
				else if (isArray(entry)) wanted = (picked ?? []).map((index) => index[taken]);
				if (isArray(entry)) taken++;
				return { size, label: say("axis.code", { code, size }), hue, conflict: !gives, wanted };
			});
		});
		return [...found, ...shape.slice(found.length).map((size) => ({ size, label: `${size}`, hue: 0 }))];
	}

	/** The axes of the result, those of index arrays and those that are new by their hue. */
	function resultSides() {
		const own = entries.flatMap((entry) => {
			const isNew = entry.kind === "newaxis";
			if (isArray(entry)) return [];
			return (entry.gives ?? []).map((size) => ({ size, label: isNew ? "1 (None)" : `${size}`, hue: isNew ? NEW_HUE : 0 }));
		});
		const at = Number(position ?? 0);
		return [...own.slice(0, at), ...(joint ?? []).map((size) => ({ size, label: `${size}`, hue: ARRAY_HUE })), ...own.slice(at)];
	}
}

/** Where index arrays and masks read along their axes, in the order of `joint`; null if it is not known. */
function pickedBy({ entries, joint, result }) {
	const arrays = entries.filter(isArray);
	const count = product(joint ?? []);
	if (!result || arrays.some(({ picks }) => !picks) || count > MOST_READ) return null;
	return Array.from({ length: Number(count) }, (_, number) => {
		const index = indexOf(BigInt(number), joint ?? []);
		return arrays.flatMap((entry) => placesOf(entry, index));
	});
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
	for (const entry of entries) {
		const { kind, axes, picks, gives } = entry;
		const places = index.slice(at, (at += axes.length));
		const [place] = places;
		if (isArray(entry)) own.push(...places);
		else if (kind === "int" && place !== picks?.[0]) return false;
		else if (kind === "slice" && picks && gives) {
			const steps = (place - picks[0]) / picks[1];
			if ((place - picks[0]) % picks[1] || steps < 0n || steps >= gives[0]) return false;
		}
	}
	return picked.has(String(own));
}

/** Where the source has an element of the result. @type {SourceOf} */
export function sourceOf({ entries, joint, position }, index) {
	const [at, count] = [Number(position ?? 0), joint?.length ?? 0];
	const [own, together] = [[...index.slice(0, at), ...index.slice(at + count)], index.slice(at, at + count)];
	return entries.flatMap((entry) => {
		const { kind, gives, picks, axes } = entry;
		if (isArray(entry)) return placesOf(entry, together);
		if (kind === "slice" && picks) return [picks[0] + picks[1] * own.shift()];
		if (kind === "int") return picks;
		const taken = own.splice(0, gives.length);
		return axes.length ? taken : [];
	});
}
