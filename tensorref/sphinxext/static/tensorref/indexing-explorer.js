import { element } from "./element.js";
import { start } from "./explorer.js";
import { readIndex } from "./index-text.js";
import { drawn, sourceOf } from "./indexing-picture.js";
import { explain, notes, told } from "./indexing.js";
import { readShapes } from "./shapes.js";
import { attempt, indexed, speaker } from "./words.js";

start("indexing", {
	least: 2,
	most: 2,
	read: ([shape = "", text = ""], { errors }) => [...readShapes([shape], errors), attempt(() => readIndex(text, errors))],
	show([{ sizes }, index], [name = ""], { words, labels }) {
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
			code: {},
		};
	},
});
