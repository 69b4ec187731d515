import { button, element } from "./element.js";
import { phone } from "./picture.js";
import { drawPicture } from "./pointing.js";
import { stepControl } from "./step-control.js";
import { drawTable } from "./table.js";
import { textField } from "./text-field.js";
import { TextError, speaker } from "./words.js";

/** Put an explorer in the place of each table that a directive of this kind wrote. @type {Start} */
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

/** @type {Explore} */
function explorer(root, { least, most, read, show }, number) {
	/** @type {Data} */
	const data = JSON.parse(root.dataset.tensorref ?? "");
	const say = speaker(data.labels);
	const group = (/** @type {string} */ name, label = name) => ({ class: `tref-${name}`, role: "group", "aria-label": say(label) });
	const fieldset = element("div", "tref-fields");
	const labels = [say("presets"), ...data.presets.map(({ label }) => label)];
	const presets = element("select", { "aria-label": say("presets") }, ...labels.map((label) => element("option", {}, label)));
	presets.addEventListener("change", () => use(data.presets[presets.selectedIndex - 1]?.fields ?? pairs()));
	const model = root.querySelector("svg");
	const steps = element("div");
	const sentence = element("p", { class: "tref-sentence", role: "status" });
	const scroll = element("div", { ...group("table"), tabindex: "0" });
	const pictured = element("div");
	const notes = element("ul", { class: "tref-notes", "aria-label": say("notes") });
	const code = element("details", "", element("summary", "", say("code")));
	const link = element("a", "", say("link"));
	/** @type {ReturnType<typeof textField>[]} */
	let fields = [];
	let names = [""];
	/** @type {Shown | undefined} */
	let shown;
	let control = stepControl({ max: 0 });

	use(data.fields, data.step);
	const parts = [fieldset, presets, steps, sentence, pictured, scroll, notes, code, link];
	root.append(element("div", group("panel", "explorer"), ...parts));
	root.dataset.live = "";
	addEventListener("hashchange", restore);
	phone?.addEventListener("change", draw);
	restore();

	/** @returns {Pairs} */
	function pairs() {
		return fields.map(({ input }, at) => [names[at] ?? "", input.value]);
	}

	/** @type {Use} */
	function use(given, step, focused = -1) {
		names = given.map(([name]) => name);
		fields = given.map(([name, text], at) => {
			const label = say(`field.${at}` in data.labels ? `field.${at}` : "field", { name });
			const made = textField({ id: `tensorref-${number}-${at}`, label, text, changed: update });
			const drop = button("×", () => use(pairs().toSpliced(at, 1), undefined, 0), { "aria-label": say("remove", { name }) });
			if (given.length > least) made.field.append(drop);
			return made;
		});
		const name = [..."abcdef"].find((letter) => !names.includes(letter)) ?? "";
		const add = button(say("add"), () => use([...pairs(), [name, ""]], undefined, given.length));
		fieldset.replaceChildren(...fields.map(({ field }) => field), ...(given.length < most ? [add] : []));
		fields[focused]?.input.focus();
		update(step);
	}

	/** @param {unknown} [step] the step to go to; an event stays where it is */
	function update(step) {
		const values = read(pairs().map(([, text]) => text), data);
		const bad = (/** @type {unknown} */ value) => (value instanceof TextError ? `${value.message} ${say("kept")}` : "");
		for (const [at, { complain }] of fields.entries()) complain(bad(values[at]));
		presets.selectedIndex = 1 + data.presets.findIndex(({ fields }) => String(fields) === String(pairs()));
		if (values.some(bad)) return;
		const wasLast = control.value + 1 === shown?.steps.length;
		shown = show(values, names, data);
		const named = shown.steps.map(({ name }) => name);
		const max = named.length - 1;
		const value = Math.min(typeof step === "number" ? step : wasLast ? max : control.value, max);
		if (typeof step === "number" || String(named) !== steps.dataset.names) {
			control = stepControl({ max, value, label: say("step"), names: named });
			control.addEventListener("input", draw);
			steps.replaceChildren(control);
			steps.dataset.names = String(named);
		}
		draw();
	}

	function draw() {
		const step = control.value;
		const isLast = step === shown.steps.length - 1;
		scroll.replaceChildren(drawTable(shown.table(step), step));
		const texts = shown.steps.slice(0, step + 1).map(({ text }) => text);
		const picture = { title: texts[0], description: texts.slice(1).join(" "), ...shown.picture(step) };
		pictured.replaceChildren(...drawPicture(model, `tensorref-${number}`, picture, say));
		const said = shown.steps[step]?.text ?? "";
		if (sentence.textContent !== said) sentence.textContent = said;
		sentence.dataset.outcome = isLast ? shown.outcome : "";
		notes.replaceChildren(...shown.notes.map(({ kind, text }) => element("li", { "data-kind": kind }, text)));
		notes.hidden = !isLast;
		const listings = Object.entries(shown.code).flatMap(listing);
		code.replaceChildren(code.firstChild ?? "", ...listings);
		code.hidden = !listings[0];
		link.href = `#${new URLSearchParams([["explorer", `${number}`], ["step", `${step}`], ...pairs()])}`;
	}

	function restore() {
		const [[, at] = [], [, step] = [], ...given] = new URLSearchParams(location.hash.slice(1));
		if (at !== String(number) || given.length < least || given.length > most) return;
		use(given, Number(/^\d\d?$/.exec(step ?? "")));
		root.scrollIntoView({ behavior: "instant" }); // a gliding page would stop where loading it ends
	}

	/** @param {[library: string, text: string]} entry */
	function listing([library, text]) {
		const pre = element("pre", { tabindex: "0", "aria-label": library }, text);
		const copy = button(say("copy", { library }), () => {
			getSelection()?.selectAllChildren(pre); // for keys to copy
			navigator.clipboard?.writeText(text).then(() => copy.replaceChildren(say("copied")), () => {});
		});
		return [copy, pre];
	}
}

/** What operands are called in code to copy: their names, if Python takes them all. @type {Variables} */
export function variables(given, reserved) {
	const taken = [...reserved, "__debug__", "np", "print", "torch"];
	const names = given.map((name) => name.replace(/\W+/g, "_"));
	const isFit = (/** @type {string} */ name) => /^[A-Za-z_]/.test(name) && !taken.includes(name);
	return names.every(isFit) && new Set(names).size === names.length ? names : names.map((_, at) => `operand${at}`);
}
