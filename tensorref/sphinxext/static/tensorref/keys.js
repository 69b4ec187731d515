/**
 * Where a key leads from one of several things in rows; undefined for keys that lead nowhere, which keep what they do.
 * @param {KeyboardEvent} event
 * @param {{at: number, first?: number, last: number, row?: number}} where
 */
export function led(event, { at, first = 0, last, row = 1 }) {
	const moves = { ArrowRight: at + 1, ArrowDown: at + row, ArrowLeft: at - 1, ArrowUp: at - row, Home: first, End: last };
	const to = new Map(Object.entries(moves)).get(event.key);
	if (to === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
	event.preventDefault();
	return Math.min(Math.max(to, first), last);
}
