import { button, element, textField } from "./element.js";
import { phone } from "./picture.js";
import { drawPicture } from "./pointing.js";
import { stepControl } from "./step-control.js";
import { TextError, speaker } from "./words.js";

/** @type {Start} */
export function start(name, kind) {
	for (const [at, root] of document.querySelectorAll(".tensorref-explorer").entries()) {
		try {
			if (root.matches(`.tensorref-${name}`)) explorer(root, kind, at + 1);
		} catch (error) {
			reportError(error); // this one keeps its table, the others their explorer
		}
	}
}

function explorer(root, { least, most, read, show }, number) {
	/** @type {Data} */
	const data = JSON.parse(root.dataset.tensorref);
	const say = speaker(data.labels);
	const fieldset = element("div", "tref-fields");
	const labels = [say("presets"), ...data.presets.map(({ label }) => label)];
	const presets = element("select", { "aria-label": say("presets") }, ...labels.map((label) => element("option", {}, label)));
	const steps = element("div");
	const sentence = element("p", { class: "tref-sentence", role: "status" });
	const pictured = element("div");
	const scroll = element("div", { class: "tref-table", role: "group", "aria-label": say("table"), tabindex: "0" });
	const notes = element("ul", { class: "tref-notes", "aria-label": say("notes") });
	const summary = element("summary", "", say("code"));
	const code = element("details");
	const link = element("a", { "aria-live": "polite" });
	const model = root.querySelector("svg");
	let fields = [];
	let names = [];
	let shown;
	let control = stepControl({ max: 0 });
	const pairs = () => fields.map(({ input }, at) => [names[at], input.value]);

	const parts = [fieldset, presets, steps, sentence, pictured, scroll, notes, code, link];
	use(data.fields, data.step);
	root.append(element("div", { class: "tref-panel", role: "group", "aria-label": say("explorer") }, ...parts));
	root.dataset.live = "";
	link.addEventListener("click", () => copies(link, link.href));
	presets.addEventListener("change", () => use(data.presets[presets.selectedIndex - 1]?.fields ?? pairs()));
	phone?.addEventListener("change", draw);
	addEventListener("hashchange", () => location.hash === link.hash || restore());
	restore();

	function use(given, step, focused = -1) {
		names = given.map(([name]) => name);
		fields = given.map(([name, text], at) => {
			const own = `field.${at}` in data.labels;
			const label = say(own ? `field.${at}` : "field", { name });
			const made = textField({ id: `tensorref-${number}-${at}`, label, text, changed: () => update() });
			const drop = button("×", () => use(pairs().toSpliced(at, 1), undefined, 0), { "aria-label": say("remove", { name }) });
			if (given.length > least && !own) made.input.after(drop);
			return made;
		});
		const name = [..."abcdef"].find((letter) => !names.includes(letter));
		const add = button(say("add"), () => use([...pairs(), [name, ""]], undefined, given.length));
		fieldset.replaceChildren(...fields.map(({ field }) => field), ...(given.length < most ? [add] : []));
		fields[focused]?.input.focus();
		update(step);
	}

	/** Without a step it stays where it is, or at the last. */
	function update(step = null) {
		presets.selectedIndex = 1 + data.presets.findIndex(({ fields }) => `${fields}` === `${pairs()}`);
		const values = read(pairs().map(([, text]) => text), data);
		const bad = (value) => (value instanceof TextError ? `${value.message} ${say("kept")}` : "");
		const isStale = values.some(bad);
		for (const [at, { complain }] of fields.entries()) complain(bad(values[at]));
		for (const part of parts.slice(2, -1)) part.ariaBusy = `${isStale}`;
		if (isStale) return;
		const wasLast = shown && control.value === shown.steps.length - 1;
		shown = show(values, names, data);
		const max = shown.steps.length - 1;
		const value = Math.min(step ?? (wasLast ? max : control.value), max);
		control = stepControl({ max, value, label: say("step"), names: shown.names ?? data.steps });
		control.addEventListener("input", draw);
		steps.replaceChildren(control);
		draw();
	}

	function draw() {
		const step = control.value;
		const isLast = step === shown.steps.length - 1;
		const texts = shown.steps.slice(0, step + 1);
		const picture = { title: texts[0], description: texts.slice(1).join(" ") || texts[0], ...shown.picture(step) };
		pictured.replaceChildren(...drawPicture(model, `tensorref-${number}`, picture, say));
		scroll.replaceChildren(shown.table(step));
		const warns = shown.notes.filter(({ kind }) => isLast && kind === "warning").map(({ text }) => text);
		const verdict = [texts[step], ...warns].join("\n");
		if (sentence.textContent !== verdict) sentence.textContent = verdict;
		sentence.dataset.outcome = !isLast ? "" : warns[0] && shown.outcome === "success" ? "warning" : shown.outcome;
		const others = shown.notes.filter(({ text }) => !warns.includes(text));
		notes.replaceChildren(...others.map(({ kind, text }) => element("li", { "data-kind": kind }, text)));
		notes.hidden = !isLast;
		const listings = Object.entries(shown.code).flatMap(listing);
		code.replaceChildren(summary, ...listings);
		code.hidden = !listings[0];
		link.replaceChildren(say("link"));
		link.href = `#${new URLSearchParams([["explorer", `${number}`], ["step", `${step}`], ...pairs()])}`;
	}

	function restore() {
		const [[, at] = [], [, step = ""] = [], ...given] = new URLSearchParams(location.hash.slice(1));
		if (at !== `${number}` || given.length < least || given.length > most) return;
		use(given, Number(/^\d\d?$/.exec(step)));
		root.scrollIntoView({ behavior: "instant" }); // a gliding page would stop where loading it ends
	}

	function listing([library, text]) {
		const pre = element("pre", { tabindex: "0", "aria-label": library }, text);
		const copy = button(
			say("copy", { library }),
			() => {
				getSelection()?.selectAllChildren(pre); // for keys to copy
				copies(copy, text);
			},
			{ "aria-live": "polite" },
		);
		return [copy, pre];
	}

	function copies(part, text) {
		navigator.clipboard?.writeText(text).then(() => part.replaceChildren(say("copied")), () => {});
	}
}

/** @type {Variables} */
export function variables(given, reserved) {
	const taken = [...reserved, "__debug__", "np", "print", "torch"];
	const names = given.map((name) => name.replace(/\W+/g, "_"));
	const isFit = (name) => /^[A-Za-z_]/.test(name) && !taken.includes(name);
	return names.every(isFit) && new Set(names).size === names.length ? names : names.map((_, at) => `operand${at}`);
}
