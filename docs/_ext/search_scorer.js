// The scores are Sphinx's own. A result that leads to an entry is named by it: Sphinx would name the page alone, which
// says the same for each entry on it.
var Scorer = {
  score: (result) => {
    const [, title, anchor, , score, , kind] = result;
    if (kind === "index" && anchor) {
      result[1] = anchor.slice(1).replace(/^module-/, "");
      result[3] = `in ${title}`;
    }
    return score;
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
