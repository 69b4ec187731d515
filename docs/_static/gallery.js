// @ts-check
// On the overview a filter above the groups, on the page of a script a button that copies all of it. Without this the page is whole.

/** Show the cards that have every word that is typed, and the groups that have such a card. */
function offerFilter(/** @type {Element[]} */ grids) {
	const label = document.createElement("label");
	const input = document.createElement("input");
	const count = document.createElement("output");
	const form = document.createElement("search");
	form.className = "gallery-filter";
	input.type = "search";
	input.autocomplete = "off";
	input.placeholder = "attention, memory, gradient …";
	count.setAttribute("role", "status");
	label.append("Find a script ", input);
	form.append(label, count);
	grids[0]?.closest("section")?.before(form);
	input.addEventListener("input", () => {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		let shown = 0;
		let all = 0;
		for (const grid of grids) {
			let some = false;
			for (const card of /** @type {NodeListOf<HTMLElement>} */ (grid.querySelectorAll(".sd-col"))) {
				const text = `${card.textContent} ${card.querySelector("a")?.getAttribute("href")}`.toLowerCase();
				card.hidden = !words.every((word) => text.includes(word));
				some ||= !card.hidden;
				shown += Number(!card.hidden);
				all += 1;
			}
			const group = /** @type {HTMLElement | null} */ (grid.closest("section"));
			if (group) group.hidden = !some;
		}
		count.textContent = !words.length ? "" : shown ? `${shown} of ${all} scripts` : "No script. Try another word.";
	});
}

/** Let a button beside the downloads copy the script. */
function offerCopy(/** @type {HTMLAnchorElement} */ script) {
	const button = document.createElement("button");
	const said = "Copy the whole script";
	button.className = "gallery-copy";
	button.textContent = said;
	button.addEventListener("click", async () => {
		try {
			const answer = await fetch(script.href);
			if (!answer.ok) throw new Error(answer.statusText);
			await navigator.clipboard.writeText(await answer.text());
			button.textContent = "Copied";
		} catch {
			button.textContent = "Not copied: download it";
		}
		setTimeout(() => (button.textContent = said), 2000);
	});
	script.parentElement?.append(button);
}

const grids = [...document.querySelectorAll(".gallery-cards")];
const script = /** @type {HTMLAnchorElement | null} */ (document.querySelector(".gallery-downloads a[href$='.py']"));
if (grids.length) offerFilter(grids);
if (script && navigator.clipboard) offerCopy(script);
