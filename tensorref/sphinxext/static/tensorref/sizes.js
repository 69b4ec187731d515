/** @param {Shape} sizes */
export function product(sizes) {
	return sizes.reduce((total, size) => total * size, 1n);
}

/** The one size that is not 1, or 1 where there is none, or null where there are several. @param {Shape} sizes */
export function agreed(sizes) {
	const [size = 1n, other] = new Set(sizes.filter((size) => size !== 1n));
	return other === undefined ? size : null;
}

/** Write a shape as Python does: `()`, `(64,)`, `(4, 1)`. @param {Shape} shape */
export function formatShape(shape) {
	return `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}

/** Write an element as code does: `x[0, :]`, or the name of what has no axis. @param {unknown[]} index */
export function indexed(name = "", index) {
	return name + (index.length ? `[${index.join(", ")}]` : "");
}
