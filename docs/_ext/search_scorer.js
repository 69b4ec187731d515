// The scores are Sphinx's own. A result that leads to an entry is named by it: Sphinx would name the page alone, which
// says the same for each entry on it. Attributes come last: their names are words of every day.
var Scorer = {
  score: (result) => {
    const [, title, anchor, about, score, , kind] = result;
    if (kind === "index" && anchor) {
      result[1] = anchor.slice(1).replace(/^module-/, "");
      result[3] = `in ${title}`;
    }
    return kind === "object" && /attribute|property/.test(about) ? score - 100 : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

// Sphinx wants every word on the page. The numbers and the names of exceptions in a pasted error are those of its reader.
var splitQuery = (query) =>
  query
    .split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu)
    .filter((word) => word && !/^\d+(x\d+)*$|\w(Error|Exception|Warning)$/i.test(word));
