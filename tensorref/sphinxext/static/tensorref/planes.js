import { Drawing, END, FADED, bracket, ordered, stacked, table, visible } from "./picture.js";
import { product } from "./words.js";

/** An array of any number of axes: of more than two, the last two as tables for a few places of the others. @type {Planes} */
export function planes(sides, cell, panel) {
	if (sides.length < 3) return table(sides, cell, panel);
	const [stack, last] = [sides.slice(0, -2), sides.slice(-2)];
	const sizes = stack.map(({ size }) => size);
	const wanted = numberOf(stack.map(({ wanted = [] }) => ordered(wanted)[0] ?? 0n), sizes);
	const parts = [];
	for (const number of visible(product(sizes), 3, [wanted])) {
		let part = new Drawing();
		if (number === null) {
			const { left, right } = parts.at(-1);
			part.text(0, 0, "⋮", FADED);
			part.reach(left, 0, right, 0);
		} else {
			const before = indexOf(number, sizes);
			part = table(last, (index) => cell([...before, ...index]), panel);
			for (const each of part.cells) each.index = [...before, ...each.index];
			part.heading(`[${before.join(", ")}]`, 0);
		}
		parts.push(part);
	}
	const whole = stacked(parts[0] ? parts : [table([{ ...last[0], size: 0n }, last[1]], cell)]);
	const drawing = new Drawing();
	drawing.place(whole, (-whole.left - whole.right) >> 1, (-whole.top - whole.bottom) >> 1);
	const [x, top, bottom] = [drawing.left - 6, drawing.top, drawing.bottom];
	const { hue = 0 } = stack.find(({ hue }) => hue) ?? {};
	const spanning = { label: stack.map(({ label }) => label).join(" × "), hue, conflict: stack.some(({ conflict }) => conflict) };
	drawing.reach(x - 5, top, x, bottom);
	bracket(drawing, spanning, `M${x} ${top + 1}h-5V${bottom - 1}h5`, x - 11, (top + bottom) >> 1, END);
	return drawing;
}

/** The index of an element that is the `number`-th in row-major order. @type {IndexOf} */
export function indexOf(number, shape) {
	return shape.map((size, axis) => (number / product(shape.slice(axis + 1))) % size);
}

/** The place of an element in row-major order. @type {NumberOf} */
export function numberOf(index, shape) {
	return index.reduce((number, at, axis) => number * shape[axis] + at, 0n);
}
