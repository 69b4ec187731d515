// What an equation draws: the same as `tensorref/einsum.py`.

import { cellOf, covers } from "./einsum.js";
import { CONFLICT, EMPTY, READ, RESULT, STORED, room, visible } from "./picture.js";
import { boxes } from "./products.js";

const STEP = { sizes: 1, sum: 3, result: 4 };

/** @type {DrawEinsum} */
export function drawn({ names, shapes, letters, result }, inputs, say, step = STEP.result) {
	const most = room().shown[1] ?? 0;
	const ends = step >= STEP.result;
	const labels = [...names, ...(ends ? [say("result")] : [])];
	const isWrong = shapes.map((shape, at) => step > 0 && !covers(inputs[at], shape));
	const last = (row) => (ends ? [row] : []);
	if (!letters.length && shapes.some((shape, at) => !covers(inputs[at], shape))) {
		const rows = shapes.map((shape, at) =>
			visible(shape.length, most).map((place) =>
				place === null ? ["…", EMPTY] : [`${shape[Number(place)]}`, isWrong[at] ? CONFLICT : STORED],
			),
		);
		return boxes(labels, [...rows, ...last([["?", CONFLICT]])]);
	}
	const places = visible(letters.length, most).map((place) => (place === null ? null : letters[Number(place)]));
	const operands = shapes.map((_, at) => places.map((letter) => box(letter, letter?.sizes[at])));
	const drawing = boxes(labels, [...operands, ...last(places.map(total))], places.map((letter) => letter?.name.replace("...", "…") ?? ""));
	drawing.cells = drawing.cells.flatMap((cell) => {
		const [row = 0n, column = 0n] = cell.index;
		const letter = places[Number(column)];
		const own = Number(row) < names.length ? letter?.sizes[Number(row)] : letter?.kept && result ? [0n] : [];
		return own?.length ? { ...cell, panel: Number(row), index: [row, column], letter } : [];
	});
	return drawing;

	function box(letter, own) {
		if (!letter) return ["…", EMPTY];
		if (!own?.length) return ["", EMPTY];
		if (letter.size === null && step >= STEP.sizes) return [cellOf(own, null), CONFLICT];
		return [cellOf(own, step >= STEP.sizes ? letter.size : (own[0] ?? null)), !letter.kept && step >= STEP.sum ? READ : STORED];
	}

	function total(letter) {
		if (!letter) return ["…", EMPTY];
		if (letter.size === null) return ["?", CONFLICT];
		return letter.kept ? [`${letter.size}`, RESULT] : ["", EMPTY];
	}
}
