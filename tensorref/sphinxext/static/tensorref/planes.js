import { Drawing, END, FADED, bracket, room, stacked, table, visible } from "./picture.js";
import { product } from "./words.js";

/** @type {Planes} */
export function planes(sides, cell, panel) {
	const most = room().shown[Math.min(sides.length, 2)];
	const last = sides.slice(-2).map((side) => ({ ...side, places: chosen(side.size, most, side.wanted) }));
	if (sides.length < 3) return table(last, cell, panel);
	const stack = sides.slice(0, -2);
	const sizes = stack.map(({ size }) => size);
	const wanted = numberOf(stack.map(({ wanted = [] }) => ordered(wanted)[0] ?? 0n), sizes);
	const parts = [];
	for (const number of chosen(product(sizes), 3, [wanted])) {
		let part = new Drawing();
		if (number === null) {
			part.text(0, 0, "⋮", FADED);
			part.reach(parts[0].left, 0, parts[0].right, 0);
		} else {
			const before = indexOf(number, sizes);
			part = table(last, (index) => cell([...before, ...index]), panel);
			for (const each of part.cells) each.index = [...before, ...each.index];
			part.heading(`[${before.join(", ")}]`, 0);
		}
		parts.push(part);
	}
	const whole = stacked(parts[0] ? parts : [table([{ ...last[0], places: [] }, last[1]])]);
	const drawing = new Drawing();
	drawing.place(whole, (-whole.left - whole.right) >> 1, (-whole.top - whole.bottom) >> 1);
	const { left, top, bottom } = drawing;
	const label = stack.map(({ label }) => label).join(" × ");
	const spanning = { label, hue: stack.find(({ hue }) => hue)?.hue, conflict: stack.some(({ conflict }) => conflict) };
	drawing.reach(left - 11, top);
	bracket(drawing, spanning, `M${left - 6} ${top + 1}h-5V${bottom - 1}h5`, left - 17, (top + bottom) >> 1, END);
	return drawing;
}

/** @type {Chosen} */
function chosen(size, most, wanted = []) {
	if (size <= most || !wanted.length) return visible(size, most);
	const shown = ordered([0n, ...ordered(wanted).slice(0, most - 2), size - 1n]);
	return shown.flatMap((place, at) => (shown[at + 1] > place + 1n ? [place, null] : [place]));
}

const ordered = (places) => [...new Set(places)].sort((a, b) => Number(a - b));

export const indexOf = (number, shape) => shape.map((size, axis) => (number / product(shape.slice(axis + 1))) % size);

export const numberOf = (index, shape) => index.reduce((number, at, axis) => number * shape[axis] + at, 0n);
