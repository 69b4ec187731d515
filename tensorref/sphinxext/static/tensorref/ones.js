import { variables } from "./explorer.js";
import { formatShape, product } from "./words.js";

const LARGE = 2n ** 24n; // elements, beyond which the code to copy makes no arrays
const LONG = 2n ** 28n; // floating-point operations, beyond which it does none
const LARGEST = 2n ** 59n; // elements, beyond which no library counts the bytes

/** @type {OnesCode} */
export function onesCode({ names: given, shapes, result, flops }, reserved, shown) {
	const most = [...shapes, result ?? []].map((shape) => product(shape.map((size) => size || 1n)));
	const isLarge = most.some((size) => size > LARGE) || (flops ?? 0n) > LONG;
	if (most.some((size) => size > LARGEST) || (isLarge && !result)) return {};
	const names = variables(given, reserved);
	const written = (imported, library, end = "") => {
		const lines = shapes.map((shape, at) => `${names[at]} = ${library}.ones(${formatShape(shape)}${end})`);
		return [`import ${imported}`, "", ...lines, shown(library, names)].join("\n");
	};
	if (isLarge) return { PyTorch: written("torch", "torch", ', device="meta"') };
	return { NumPy: written("numpy as np", "np"), PyTorch: written("torch", "torch") };
}
