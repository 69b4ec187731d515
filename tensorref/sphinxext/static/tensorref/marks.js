import { mark } from "./picture.js";

export const STORED = mark();
export const RESULT = mark({ tint: 20 });
export const COPY = mark({ tint: 6, dash: "3 3", faded: true });
export const READ = mark({ hue: 1, tint: 34, thick: true });
