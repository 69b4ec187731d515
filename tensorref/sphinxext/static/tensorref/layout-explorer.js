import { variables } from "./code.js";
import { start } from "./explorer.js";
import { follow, notes } from "./layout.js";
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
		const history = follow(sizes, operations, name, data);
		return {
			steps: history.stages.map(({ code, shape }, at) => ({ name: at ? code : `${code} ${formatShape(shape)}`, text: history.steps[at] ?? "" })),
			outcome: history.message ? "conflict" : "success",
			notes: notes(history, data),
			table: () => table(history, data),
			picture: (step) => picture(history, step, data.labels),
			code: code(history, data),
		};
	},
});

/** A row for each stage. @type {(history: TensorHistory, data: Data) => Table} */
function table({ stages }, { itemsize, words }) {
	const say = speaker(words);
	const rows = stages.map(({ code: label, shape, strides, offset, contiguous, verdict, ...stage }, from) => {
		const memory = say(`history.memory.${verdict}`, { bytes: stage.moved_bytes || stage.elements * BigInt(itemsize) });
		const texts = [formatShape(shape), formatShape(strides), `${offset}`, say(contiguous ? "history.yes" : "history.no"), memory];
		return { label, cells: texts.map((text) => ({ text, from, state: "given", verdict: verdict === "error" ? "conflict" : "" })) };
	});
	const keys = ["history.operation", "shape", "strides", "history.offset", "history.contiguous", "history.memory"];
	return { heading: keys.map((key) => say(key)), headingFrom: 0, rows };
}

/** The memory as a row, before and after a copy, and the tensor by what it reads there. @type {LayoutPicture} */
function picture({ name, stages }, step, { memory = "", moved = "" }) {
	const [before, now] = stages.slice(step ? step - 1 : 0);
	const stage = step && now ? now : before;
	if (!before || !stage) return { panels: [], reads: null };
	const placeOf = (/** @type {Shape} */ index) => sum(stage, index);
	/** Where an element of a copy was. @param {bigint} place */
	const from = (place) => sum(before, before.shape.map((size, axis) => (place / product(before.shape.slice(axis + 1))) % size));
	const isCopy = stage.verdict === "copy";
	const old = row(memory, before, ([place]) => `${place}`, (index) => from(placeOf(index)));
	const own = row(isCopy ? moved : memory, stage, ([place = 0n]) => `${isCopy ? from(place) : place}`, placeOf);
	const { shape, strides } = stage;
	const tensor = {
		name,
		shape,
		text: (/** @type {Shape} */ index) => `${placeOf(index)}`,
		repeats: (/** @type {Shape} */ index) => index.some((place, axis) => place && !strides[axis]),
	};
	return {
		panels: isCopy ? [old, own, tensor] : [own, tensor],
		reads: (index) => (isCopy ? [[from(placeOf(index))], [placeOf(index)]] : [[placeOf(index)]]),
		said: isCopy ? "moves" : "reads",
	};
}

/** @type {(at: Stage, index: Shape) => bigint} */
function sum({ strides, offset }, index) {
	return index.reduce((total, place, axis) => total + place * (strides[axis] ?? 0n), offset);
}

/** A memory: all of it if it is small, or else its ends and what the cells of the tensor read. @type {MemoryRow} */
function row(name, { shape, strides, offset, elements }, text, placeOf) {
	const axes = shape.map((size, axis) => ({ most: size - 1n, stride: strides[axis] ?? 0n })).filter(({ stride }) => stride);
	axes.sort((one, other) => Number(other.stride - one.stride));
	return {
		name,
		shape: [elements],
		text,
		// The larger stride always steps over all that the smaller ones reach.
		unused: ([place = 0n]) => {
			const rest = axes.reduce((left, { most, stride }) => left - (left / stride < most ? left / stride : most) * stride, place - offset);
			return place < offset || rest || shape.includes(0n);
		},
		columns: (cells) => {
			const all = Array.from({ length: Number(elements < FEW ? elements : 0n) }, (_, place) => BigInt(place));
			const places = new Set([0n, ...all, ...cells.map(placeOf), elements - 1n]);
			const shown = [...places].sort((one, other) => Number(one - other));
			return shown.flatMap((place, at) => {
				const left = place - (shown[at - 1] ?? -1n) - 1n;
				return left ? [`+${grouped(left)}`, place] : [place];
			});
		},
	};
}

/** What shows the same in PyTorch, and in NumPy where it has the same. @type {(history: TensorHistory, data: Data) => Record<string, string>} */
function code({ name, stages, message }, { reserved }) {
	const [x] = variables([name], reserved);
	const [begin, ...rest] = stages;
	const shape = begin?.shape ?? [];
	const isLarge = stages.some(({ shape }) => product(shape) > LARGE);
	const written = (/** @type {string} */ library, imported = library, operations = "", facts = "") => {
		const filled = `${library}.arange(${product(shape)}).reshape(${formatShape(shape)})`;
		const made = isLarge ? `torch.empty(${formatShape(shape)}, device="meta")` : filled;
		const lines = [`import ${imported}`, "", `${x} = ${made}`, `${x} = ${x}${operations}`, `print(${x}.shape, ${x}.${facts})`];
		return lines.filter((line) => line !== `${x} = ${x}`).join("\n");
	};
	const operations = rest.map(({ code }) => code).join("");
	const PyTorch = written("torch", "torch", operations, `stride(), ${x}.is_contiguous()`);
	const isTorch = isLarge || message || /view|expand|contig/.test(operations) || stages.some(({ shape }) => !shape.length);
	const numpy = operations.replaceAll(".transpose", ".swapaxes").replaceAll(".permute", ".transpose");
	const NumPy = written("np", "numpy as np", numpy, `strides, ${x}.flags.c_contiguous`);
	return isTorch ? { PyTorch } : { NumPy, PyTorch };
}
