import { BOLD, Drawing, GAP, room, stacked } from "./picture.js";

/** @type {Flow} */
export function flow(drawings, signs) {
	const lines = [];
	let x = Infinity;
	for (const [at, drawing] of drawings.entries()) {
		const wide = drawing.right - drawing.left;
		if (x + wide + 2 * GAP > room().width) {
			lines.push(new Drawing());
			x = 0;
		}
		const line = lines.at(-1);
		if (at) line.text((x += GAP), 0, signs[at - 1], BOLD);
		if (at) x += GAP;
		line.place(drawing, x - drawing.left);
		x += wide;
	}
	return stacked(lines);
}
