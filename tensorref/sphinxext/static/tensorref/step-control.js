import { button, element, filled } from "./element.js";

/** @type {StepControl} */
export function stepControl({ min = 0, max, value = min, label = null, names = [] }) {
	if (![min, max].every(Number.isSafeInteger) || max < min) {
		throw new RangeError(`max is ${max} and min is ${min}; give whole numbers, max no less than min`);
	}
	let current = check(value);
	const segments = Array.from({ length: max - min + 1 }, (_, at) => {
		return button(`${min + at} ${names[at] ?? ""}`.trim(), () => select(min + at));
	});
	const control = element("div", { class: "tref-steps", role: "group", "aria-label": label || "Step control" }, ...segments);
	control.addEventListener("keydown", (event) => {
		const to = led(event, { at: current, first: min, last: max });
		if (to === undefined) return;
		select(to);
		segments[to - min]?.focus();
	});
	mark();
	const accessors = { get: () => current, set: (step) => select(check(step)) };
	return /** @type {any} */ (Object.defineProperty(control, "value", accessors));

	function check(step) {
		if (Number.isSafeInteger(step) && step >= min && step <= max) return step;
		throw new RangeError(`value is ${String(step)}; give a whole number from ${min} to ${max}`);
	}

	function select(step) {
		if (step === current) return;
		current = step;
		mark();
		control.dispatchEvent(new Event("input", { bubbles: true }));
	}

	function mark() {
		for (const [at, segment] of segments.entries()) {
			filled(segment, { "aria-pressed": min + at === current, tabindex: min + at === current ? 0 : -1 });
		}
	}
}

/** @type {Led} */
export function led(event, { at, first = 0, last, row = 1 }) {
	const moves = { ArrowRight: at + 1, ArrowDown: at + row, ArrowLeft: at - 1, ArrowUp: at - row, Home: first, End: last };
	const to = moves[event.key];
	if (to === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
	event.preventDefault();
	return Math.min(Math.max(to, first), last);
}
