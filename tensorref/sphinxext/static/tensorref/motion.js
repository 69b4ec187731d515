/**
 * Note where the sizes in `region` stand; the function that comes back lets each glide from there to where it stands
 * by then. On a page that wants no motion, nothing moves.
 * @param {HTMLElement} region
 */
export function gliding(region) {
  if (!matchMedia("(prefers-reduced-motion: no-preference)").matches) return () => {};
  const places = new Map(sizes().map((size) => [size.dataset.size, size.getBoundingClientRect().left]));
  return () => {
    for (const size of sizes()) {
      const now = size.getBoundingClientRect().left;
      const distance = (places.get(size.dataset.size) ?? now) - now;
      if (distance) {
        size.animate({ transform: [`translateX(${distance}px)`, "none"] }, { duration: 240, easing: "ease-out" });
      }
    }
  };

  function sizes() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (region.querySelectorAll("[data-size*=' ']"))];
  }
}
