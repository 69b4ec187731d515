import { button, element } from "./element.js";

/**
 * Make a row of buttons, one a step. Its `value` is the current step; each change of it sends an `input` event.
 * @param {StepOptions} options
 * @returns {HTMLElement & {value: number}}
 */
export function stepControl({ min = 0, max, value = min, label = null, names = [] }) {
	if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max < min) {
		throw new RangeError(`max is ${max} and min is ${min}; give whole numbers, max no less than min`);
	}
	let current = check(value);
	const segments = Array.from({ length: max - min + 1 }, (_, at) => {
		const segment = button("", () => select(min + at));
		segment.append(element("span", "tref-number", `${min + at}`), names[at] ? ` ${names[at]}` : "");
		return segment;
	});
	const group = { class: "tref-steps", role: "group", "aria-label": label || "Step control" };
	const control = element("div", {}, element("div", group, ...segments));
	control.addEventListener("keydown", (event) => {
		const to = led(event, { at: current, first: min, last: max });
		if (to === undefined) return;
		select(to);
		segments[to - min]?.focus();
	});
	mark();
	const accessors = { get: () => current, set: (/** @type {unknown} */ step) => select(check(step)) };
	return Object.defineProperty(/** @type {any} */ (control), "value", accessors);

	/** @param {unknown} step */
	function check(step) {
		if (typeof step !== "number" || !Number.isSafeInteger(step) || step < min || step > max) {
			throw new RangeError(`value is ${String(step)}; give a whole number from ${min} to ${max}`);
		}
		return step;
	}

	/** @param {number} step */
	function select(step) {
		if (step === current) return;
		current = step;
		mark();
		control.dispatchEvent(new Event("input", { bubbles: true }));
	}

	function mark() {
		for (const [at, segment] of segments.entries()) {
			segment.setAttribute("aria-pressed", `${min + at === current}`);
			segment.tabIndex = min + at === current ? 0 : -1;
		}
	}
}

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
