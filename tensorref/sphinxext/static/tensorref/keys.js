/**
 * Where a key leads from one of several things in rows, the first of which is `first`; undefined for keys that lead
 * nowhere, which keep what they do.
 * @param {KeyboardEvent} event
 * @param {{at: number, first?: number, last: number, row?: number}} where
 */
export function led(event, { at, first = 0, last, row = 1 }) {
  const moves = new Map([["ArrowRight", 1], ["ArrowDown", row], ["ArrowLeft", -1], ["ArrowUp", -row], ["Home", -Infinity], ["End", Infinity]]);
  const by = moves.get(event.key);
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
  event.preventDefault();
  return Math.min(Math.max(at + by, first), last);
}
