// @ts-check
// Which exercises are solved, as the reader says. It is kept in this browser alone; without a script nothing of it shows.

const KEY = "tensorref-exercises";

/** Return what was kept, or nothing where the browser keeps nothing. */
function solved() {
	try {
		const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
		return new Set(Array.isArray(kept) ? kept.map(String) : []);
	} catch {
		return new Set();
	}
}

function keep(/** @type {Set<string>} */ names) {
	try {
		localStorage.setItem(KEY, JSON.stringify([...names]));
	} catch {
		// It holds for this page then.
	}
}

/** Return the name of the page of an exercise, or "" for any other address. */
function nameOf(/** @type {string} */ address) {
	const at = new URL(address, location.href);
	const here = new URL(".", location.href);
	const name = at.pathname.slice(here.pathname.length).replace(/\.html$/, "");
	return at.href.startsWith(here.href) && !at.hash && !["", "index"].includes(name) && !name.includes("/") ? name : "";
}

function box(/** @type {string} */ tag) {
	const element = document.createElement(tag);
	element.className = "exercise-progress";
	return element;
}

/** Let the reader mark this exercise as solved. */
function offerMark(/** @type {string} */ name, /** @type {Element} */ facts) {
	const label = document.createElement("label");
	const input = document.createElement("input");
	input.type = "checkbox";
	input.checked = solved().has(name);
	input.addEventListener("change", () => {
		const names = solved();
		if (input.checked) names.add(name);
		else names.delete(name);
		keep(names);
	});
	label.append(input, " I solved it (remembered in this browser alone)");
	const line = box("p");
	line.append(label);
	facts.after(line);
}

/** Mark what is solved in the table, and say how much that is. */
function showProgress(/** @type {Element} */ table) {
	const links = [...table.querySelectorAll("a")].filter((link) => nameOf(link.href));
	const line = box("p");
	const bar = document.createElement("progress");
	const count = document.createElement("span");
	bar.max = links.length;
	bar.setAttribute("aria-label", "Exercises solved");
	line.append(bar, " ", count);
	table.before(line);
	const show = () => {
		const names = solved();
		for (const link of document.querySelectorAll("article a")) {
			link.classList.toggle("exercise-solved", names.has(nameOf(/** @type {HTMLAnchorElement} */ (link).href)));
		}
		bar.value = links.filter((link) => names.has(nameOf(link.href))).length;
		count.textContent = `${bar.value} of ${links.length} solved, as remembered in this browser alone`;
	};
	show();
	window.addEventListener("pageshow", show);
	window.addEventListener("storage", show);
}

const facts = document.querySelector("article .exercise-facts");
const table = document.querySelector("article .exercise-table");
if (facts) offerMark(nameOf(location.pathname), facts);
if (table) showProgress(table.closest(".table-wrapper") ?? table);
