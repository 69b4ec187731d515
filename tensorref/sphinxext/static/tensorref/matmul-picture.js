// What a matrix product draws: the same as `tensorref/matmul.py`.

import { grid } from "./cube.js";
import { BOLD, CONFLICT, COPY, Drawing, EMPTY, GAP, READ, RESULT, STORED, refusal, room, stacked, visible } from "./picture.js";
import { boxes } from "./products.js";
import { formatShape } from "./words.js";

const [SUM_HUE, ROW_HUE, COLUMN_HUE] = [1, 2, 3];

/** @type {DrawMatmul} */
export function drawn({ names, shapes, axes, result }, say, { ends = true } = {}) {
	const [row, total, column] = ["row", "sum", "column"].map((role) => axes.find((axis) => axis.role === role));
	const rows = row ? side(row.sizes[0], ROW_HUE) : { size: 1n };
	const columns = column ? side(column.sizes[1], COLUMN_HUE) : { size: 1n };
	const terms = side(total?.sizes[0], SUM_HUE);
	const met = side(total?.sizes[1], SUM_HUE);
	const first = grid([rows, terms], ([index]) => ["", index ? STORED : READ], 0);
	const second = grid([met, columns], ([, index]) => ["", index ? STORED : READ], 1);
	const last = result
		? grid([rows, columns], (index) => ["", index.some(Boolean) ? RESULT : { ...READ, hue: 0 }], 2)
		: refusal();
	for (const [at, drawing] of [first, second].entries()) drawing.heading(`${names[at]} ${formatShape(shapes[at])}`, 0);
	const drawing = new Drawing();
	const { left, top, bottom } = last;
	if (ends) {
		drawing.place(last);
		drawing.text(0, bottom + 12, `${say("result")} ${result ? formatShape(result) : "?"}`, BOLD);
	}
	drawing.place(first, Math.min(left, second.left) - GAP - first.right);
	drawing.place(second, 0, top - GAP - second.bottom);
	const batch = axes.filter(({ role }) => role === "batch");
	return batch[0] ? stacked([drawing, stack(batch)]) : drawing;

	function side(size, hue) {
		return { size, label: `${size}`, hue, conflict: hue === SUM_HUE && total?.size === null };
	}

	/** The sizes of the batch axes: how often the product is taken. */
	function stack(batch) {
		const places = visible(batch.length, room().boxes);
		const lines = [0, 1, ...(ends ? [-1] : [])].map((operand) =>
			places.map((place) => box(place === null ? null : batch[Number(place)], operand)),
		);
		return boxes([...names, say("result")], lines, places.map((_, at) => (at ? "" : say("batch"))));
	}

	function box(axis, operand) {
		if (!axis) return ["…", EMPTY];
		const { size, sizes, axes } = axis;
		const own = axes[operand] === null ? `(${sizes[operand]})` : `${sizes[operand]}`;
		if (size === null) return [operand < 0 ? "?" : `✗ ${own}`, CONFLICT];
		if (operand < 0) return [`${size}`, RESULT];
		return sizes[operand] === size ? [own, STORED] : [`${own} → ${size}`, COPY];
	}
}
