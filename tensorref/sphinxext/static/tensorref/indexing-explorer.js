import { element } from "./element.js";
import { start, variables } from "./explorer.js";
import { readIndex } from "./index-text.js";
import { drawn, sourceOf } from "./indexing-picture.js";
import { explain, notes, told } from "./indexing.js";
import { readShapes } from "./shapes.js";
import { attempt, formatShape, indexed, product, speaker } from "./words.js";

const LARGE = 2n ** 24n; // elements

start("indexing", {
	least: 2,
	most: 2,
	read: ([shape = "", text = ""], { errors }) => [...readShapes([shape], errors), attempt(() => readIndex(text, errors))],
	show([{ sizes }, index], [name = ""], { words, labels, reserved }) {
		const say = speaker(words);
		const explanation = explain(sizes, index, words);
		const { entries, result } = explanation;
		const called = ({ panel, index }) => (panel ? indexed(labels.result, index) : "");
		return {
			steps: explanation.steps,
			outcome: result ? "success" : "conflict",
			notes: notes(explanation),
			table: () => element("ol", "", ...entries.map((entry) => element("li", "", told(entry, say)))),
			picture: (step) => ({
				drawing: drawn(explanation, say, step),
				name: called,
				reads(cell) {
					const source = sourceOf(explanation, cell.index);
					const sentence = speaker(labels)("reads", { cell: called(cell), sources: indexed(name, source) });
					return { sentence, isRead: ({ panel, index }) => !panel && `${index}` === `${source}` };
				},
			}),
			code: product(sizes) > LARGE ? {} : { NumPy: code("np", "numpy as np"), PyTorch: code("torch", "torch") },
		};

		function code(library, imported) {
			const [x] = variables([name], reserved);
			const read = index.code.replace(/(\w+\.)?newaxis/g, "None");
			return `import ${imported}\n\n${x} = ${library}.arange(${product(sizes)}).reshape(${formatShape(sizes)})\nprint(${x}${read}.shape)`;
		}
	},
});
