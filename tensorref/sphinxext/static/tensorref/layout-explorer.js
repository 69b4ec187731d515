import { start, variables } from "./explorer.js";
import { follow } from "./layout.js";
import { readOperations } from "./operations.js";
import { readShapes } from "./shapes.js";
import { formatShape, product } from "./sizes.js";
import { TextError, attempt, grouped, speaker } from "./words.js";

const FEW = 48n; // elements of a memory that is shown whole
const LARGE = 2n ** 20n; // elements, from which on the code to copy makes no arrays

start("layout", {
	least: 2,
	most: 2,
	read([shape = "", text = ""], data) {
		const [given] = readShapes([shape], data.errors);
		const operations = attempt(() => readOperations(text, data));
		if (!given || given instanceof TextError || operations instanceof TextError) return [given, operations];
		const [begun, ended] = [[], operations].map((part) => attempt(() => follow(given.sizes, part, shape, data)));
		return begun instanceof TextError ? [begun, operations] : [given, ended instanceof TextError ? ended : operations];
	},
	show([{ sizes }, operations], [name = ""], data) {
		const { stages, steps, ...rest } = follow(sizes, operations, name, data);
		const named = stages.map(({ code }, at) => ({ name: at ? code : `${code} ${formatShape(sizes)}`, text: steps[at] ?? "" }));
		const code = codeOf(name, stages, rest.outcome === "success", data.reserved);
		const picture = (/** @type {number} */ step) => pictureOf(name, stages, step, data.labels);
		return { ...rest, steps: named, table: () => tableOf(stages, data), picture, code };
	},
});

/** @type {(stages: readonly Stage[], data: Data) => Table} */
function tableOf(stages, { itemsize, words }) {
	const say = speaker(words);
	const keys = ["history.operation", "shape", "strides", "history.offset", "history.contiguous", "history.memory"];
	const rows = stages.map(({ code: label, shape, strides, offset, contiguous, verdict, ...stage }, from) => {
		const memory = say(`history.memory.${verdict}`, { bytes: stage.moved_bytes || stage.elements * BigInt(itemsize) });
		const isContiguous = say(contiguous ? "history.yes" : "history.no");
		const texts = [formatShape(shape), formatShape(strides), `${offset}`, isContiguous, memory];
		return { label, cells: texts.map((text) => ({ text, from, state: "given", verdict: verdict === "error" ? "conflict" : "" })) };
	});
	return { heading: keys.map((key) => say(key)), headingFrom: 0, rows };
}

/** The memory as a row, before and after a copy, and the tensor by what it reads there. @type {LayoutPicture} */
function pictureOf(name, stages, step, { memory = "", moved = "" }) {
	const [before, stage = before] = stages.slice(Math.max(step - 1, 0), step + 1);
	if (!before || !stage) return { panels: [], reads: null };
	const at = (/** @type {Shape} */ index) => sum(stage, index);
	/** Where an element of a copy was. @param {bigint} place */
	const from = (place) => sum(before, before.shape.map((size, axis) => (place / product(before.shape.slice(axis + 1))) % size));
	const repeats = (/** @type {Shape} */ index) => index.some((place, axis) => place && !stage.strides[axis]);
	const tensor = { name, shape: stage.shape, text: (/** @type {Shape} */ index) => `${at(index)}`, repeats };
	if (stage.verdict !== "copy") {
		return { panels: [row(memory, stage, ([place]) => `${place}`, at), tensor], reads: (index) => [[at(index)]] };
	}
	const old = row(memory, before, ([place]) => `${place}`, (index) => from(at(index)));
	const own = row(moved, stage, ([place = 0n]) => `${from(place)}`, at);
	return { panels: [old, own, tensor], reads: (index) => [[from(at(index))], [at(index)]], said: "moves" };
}

/** @type {(at: Stage, index: Shape) => bigint} */
function sum({ strides, offset }, index) {
	return index.reduce((total, place, axis) => total + place * (strides[axis] ?? 0n), offset);
}

/** A memory: all of it if it is small, or else its ends and what the cells of the tensor read. @type {MemoryRow} */
function row(name, { shape, axes, offset, elements }, text, placeOf) {
	const falling = axes.filter(({ stride }) => stride).sort((one, other) => Number(other.stride - one.stride));
	return {
		name,
		shape: [elements],
		text,
		// A larger stride steps over all that the smaller ones reach.
		unused: ([place = 0n]) => {
			const steps = (/** @type {bigint} */ rest, /** @type {Axis} */ { size, stride }) =>
				rest - (rest / stride < size ? rest / stride : size - 1n) * stride;
			return place < offset || falling.reduce(steps, place - offset) || shape.includes(0n);
		},
		columns: (cells) => {
			const all = Array.from({ length: elements < FEW ? Number(elements) : 0 }, (_, place) => BigInt(place));
			const shown = [...new Set([0n, ...all, ...cells.map(placeOf), elements - 1n])].sort((one, other) => Number(one - other));
			return shown.flatMap((place, at) => {
				const left = place - (shown[at - 1] ?? -1n) - 1n;
				return left ? [`+${grouped(left)}`, place] : [place];
			});
		},
	};
}

/** What shows the same in PyTorch, and in NumPy where it has the same. @type {LayoutCode} */
function codeOf(name, stages, isTaken, reserved) {
	const [x] = variables([name], reserved);
	const [shape = [], ...others] = stages.map(({ shape }) => shape);
	const operations = stages.slice(1).map(({ code }) => code).join("");
	const isLarge = [shape, ...others].some((sizes) => product(sizes) > LARGE);
	const written = (/** @type {string} */ library, /** @type {string} */ applied, /** @type {string} */ facts) => {
		const filled = `${library}.arange(${product(shape)}).reshape(${formatShape(shape)})`;
		const made = isLarge ? `torch.empty(${formatShape(shape)}, device="meta")` : filled;
		const follows = applied && [`${x} = ${x}${applied}`];
		return ["", `${x} = ${made}`, ...follows, `print(${x}.shape, ${x}.${facts})`].join("\n");
	};
	const PyTorch = `import torch\n${written("torch", operations, `stride(), ${x}.is_contiguous()`)}`;
	const hasNumPy = isTaken && !isLarge && !/view|expand|contig/.test(operations) && stages.every(({ axes }) => axes[0]);
	const numpy = operations.replaceAll(".transpose", ".swapaxes").replaceAll(".permute", ".transpose");
	if (!hasNumPy) return { PyTorch };
	return { NumPy: `import numpy as np\n${written("np", numpy, `strides, ${x}.flags.c_contiguous`)}`, PyTorch };
}
