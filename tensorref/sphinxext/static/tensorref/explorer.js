// What every explorer has: fields, presets, steps, a sentence, a table, a picture, notes, code, a link to its state.

import { button, element } from "./element.js";
import { gliding } from "./motion.js";
import { drawPicture } from "./picture.js";
import { stepControl } from "./step-control.js";
import { drawTable } from "./table.js";
import { textField } from "./text-field.js";
import { TextError, speaker } from "./words.js";

/**
 * Put an explorer in the place of each table that a directive of this kind wrote.
 * @type {(name: string, kind: Tref.Kind) => void}
 */
export function start(name, kind) {
	/** @type {NodeListOf<HTMLElement>} */
	const roots = document.querySelectorAll(".tensorref-explorer");
	for (const [at, root] of roots.entries()) {
		try {
			if (root.classList.contains(`tensorref-${name}`)) explorer(root, kind, at + 1);
		} catch (error) {
			reportError(error); // this one keeps its table, the others their explorer
		}
	}
}

/** @type {(root: HTMLElement, kind: Tref.Kind, number: number) => void} */
function explorer(root, { least, most, read, show }, number) {
	/** @type {Tref.Data} */
	const data = JSON.parse(root.dataset.tensorref ?? "");
	const say = speaker(data.labels);
	const group = (/** @type {string} */ name, label = name) => ({ class: `tref-${name}`, role: "group", "aria-label": say(label) });
	const fieldset = element("div", { class: "tref-fields" });
	const presets = data.presets.map((preset) => button(preset.label, () => use(preset)));
	const steps = element("div");
	const sentence = element("p", { class: "tref-sentence", role: "status" });
	const scroll = element("div", { ...group("table"), tabindex: "0" });
	const pictured = element("div");
	const notes = element("ul", { class: "tref-notes", "aria-label": say("notes") });
	const code = element("details", {}, element("summary", {}, say("code")));
	const link = element("a", {}, say("link"));
	/** @type {ReturnType<typeof textField>[]} */
	let fields = [];
	/** @type {readonly string[]} */
	let names = [];
	/** @type {Tref.Shown} */
	let shown;
	let control = stepControl({ max: 0 });

	use(data, data.step);
	const parts = [fieldset, element("div", group("presets"), ...presets), steps, sentence, scroll, pictured, notes, code, link];
	root.append(element("div", group("panel", "explorer"), ...parts));
	root.dataset.live = "";
	addEventListener("hashchange", restore);
	restore();

	function inputs() {
		return fields.map(({ input }, at) => /** @type {const} */ ([names[at] ?? "", input.value]));
	}

	/** @type {(inputs: Tref.Inputs, step?: number) => void} */
	function use({ names: named, texts }, step) {
		names = named;
		fields = names.map((name, at) => {
			const label = say(`field.${at}` in data.labels ? `field.${at}` : "field", { name });
			const field = textField({ id: `tensorref-${number}-${at}`, label, text: texts[at] ?? "", changed: update });
			const drop = () => resize(inputs().toSpliced(at, 1), 0);
			if (names.length > least) field.element.append(button("×", drop, { "aria-label": say("remove", { name }) }));
			return field;
		});
		const name = [..."abcdef"].find((letter) => !names.includes(letter)) ?? "";
		const add = button(say("add"), () => resize([...inputs(), [name, "()"]], names.length));
		fieldset.replaceChildren(...fields.map((field) => field.element), ...(names.length < most ? [add] : []));
		update(step);
	}

	/** @type {(pairs: (readonly [string, string])[], focused: number) => void} */
	function resize(pairs, focused) {
		use({ names: pairs.map(([name]) => name), texts: pairs.map(([, text]) => text) });
		fields[focused]?.input.focus();
	}

	/** @param {unknown} [step] the step to go to; an event stays where it is */
	function update(step) {
		const values = read(inputs().map(([, text]) => text), data);
		const problems = values.map((value) => (value instanceof TextError ? `${value.message} ${say("kept")}` : ""));
		for (const [at, field] of fields.entries()) field.complain(problems[at] ?? "");
		if (problems.join("")) return;
		shown = show(values, names, data);
		const named = shown.steps.map(({ name }) => name);
		const wanted = typeof step === "number" ? step : control.value;
		if (wanted === step || String(named) !== control.dataset.names) {
			const max = named.length - 1;
			control = stepControl({ max, value: Math.min(wanted, max), label: say("step"), names: named });
			control.dataset.names = String(named);
			control.addEventListener("input", () => draw(gliding(scroll)));
			steps.replaceChildren(control);
		}
		draw();
	}

	function draw(glide = () => {}) {
		const step = control.value;
		const isLast = step === shown.steps.length - 1;
		scroll.replaceChildren(drawTable(shown.table(step), step));
		glide();
		pictured.replaceChildren(drawPicture(shown.picture(step), data.labels));
		const said = shown.steps[step]?.text ?? "";
		if (sentence.textContent !== said) sentence.textContent = said;
		sentence.dataset.outcome = isLast ? shown.outcome : "";
		const below = isLast ? shown.notes : [];
		notes.replaceChildren(...below.map(({ kind, text }) => element("li", { "data-kind": kind }, text)));
		notes.hidden = !below.length;
		code.replaceChildren(code.firstChild ?? "", ...Object.entries(shown.code).flatMap(listing));
		const state = [["explorer", number], ["step", step], ...inputs()];
		link.href = `#${state.map((pair) => pair.map(encoded).join("=")).join("&")}`;
	}

	/** Bring back what the address says of this explorer; what is wrong with it is said as if it were typed. */
	function restore() {
		const [[, at] = [], [, step] = [], ...pairs] = new URLSearchParams(location.hash.slice(1));
		if (at !== String(number) || pairs.length < least || pairs.length > most) return;
		use({ names: pairs.map(([name]) => name), texts: pairs.map(([, text]) => text) }, Number(/^\d\d?$/.exec(step ?? "")));
		root.scrollIntoView();
	}

	/** @param {[library: string, text: string]} entry */
	function listing([library, text]) {
		const pre = element("pre", { tabindex: "0", "aria-label": library }, text);
		const copy = button(say("copy", { library }), () => {
			getSelection()?.selectAllChildren(pre); // where the clipboard is closed to scripts, keys still copy
			navigator.clipboard?.writeText(text).then(() => copy.replaceChildren(say("copied")), () => {});
		});
		return [copy, pre];
	}
}

/** @param {string | number} part */
function encoded(part) {
	return encodeURIComponent(part).replace(/%2C(%20)*/g, ",").replaceAll("%20", "+");
}
