/**
 * Note where the sizes in `region` stand; the function that comes back lets each glide from there to where it stands
 * by then. On a page that wants no motion, nothing moves.
 * @param {HTMLElement} region
 */
export function gliding(region) {
	if (!matchMedia("(prefers-reduced-motion: no-preference)").matches) return () => {};
	const sizes = () => /** @type {HTMLElement[]} */ (Array.from(region.querySelectorAll("[data-size*=' ']")));
	const places = new Map(sizes().map((size) => [size.getAttribute("data-size"), size.getBoundingClientRect().x]));
	return () => {
		for (const size of sizes()) {
			const to = size.getBoundingClientRect().x;
			const by = (places.get(size.getAttribute("data-size")) ?? to) - to;
			if (!by) continue;
			size.style.display = "inline-block"; // text in a line does not move, and a table of blocks is slow to lay out
			size.animate({ translate: [`${by}px`, "0"] }, { duration: 240, easing: "ease-out" });
		}
	};
}
