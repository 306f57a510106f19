// The query language of harness/results/query.py: parses a query into a test of cells. `language`
// has the fields, their fixed values and the aliases of arches.

class QueryError extends Error {
  constructor(column, complaint) {
    super(complaint);
    this.column = column;
  }
}

function parseQuery(text, language) {
  const terms = [...splitWords(text)].map(([column, word]) => parseTerm(column, word, language));
  return (facts) => terms.every((met) => met(facts));
}

// A mark is a character and whether it was quoted; quoted characters are literal.
function* splitWords(text) {
  let word = [], begun = 0, opened = 0, column = 0;
  for (const char of text) {
    column += 1;
    if (/\s/u.test(char) && !opened) {
      if (begun) yield [begun, word];
      word = [];
      begun = 0;
      continue;
    }
    begun ||= column;
    if (char === '"') opened = opened ? 0 : column;
    else word.push([char, Boolean(opened)]);
  }
  if (opened) throw new QueryError(opened, 'this " is not closed');
  if (begun) yield [begun, word];
}

const isSign = (mark, sign) => mark !== undefined && mark[0] === sign && !mark[1];
const plainText = (word) => word.map(([char]) => char).join("");
const escapeRegExp = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

function parseTerm(column, word, language) {
  const negated = isSign(word[0], "-");
  const rest = negated ? word.slice(1) : word;
  if (!rest.length) throw new QueryError(column, "empty search word; remove it");
  const colon = rest.findIndex((mark) => isSign(mark, ":"));
  if (colon < 0) {
    const piece = new RegExp(escapeRegExp(plainText(rest)), "iu");
    return (facts) => piece.test(facts.id) !== negated;
  }
  const place = column + (negated ? 1 : 0);
  const field = findField(place, plainText(rest.slice(0, colon)), language);
  const patterns = splitPatterns(rest.slice(colon + 1)).map((part) => parsePattern(place, field, part, language));
  return (facts) => patterns.some((pattern) => pattern.test(facts[field])) !== negated;
}

function findField(column, name, language) {
  const field = name.toLowerCase();
  if (language.fields.includes(field)) return field;
  throw new QueryError(column, `no field '${name}'${didYouMean(field, language.fields)}`);
}

function splitPatterns(word) {
  const parts = [[]];
  for (const mark of word) {
    if (isSign(mark, ",")) parts.push([]);
    else parts.at(-1).push(mark);
  }
  return parts;
}

function parsePattern(column, field, part, language) {
  const isWild = (mark) => isSign(mark, "*") || isSign(mark, "?");
  const spell = ([char, quoted]) => {
    if (char === "*" && !quoted) return ".*";
    return char === "?" && !quoted ? "." : escapeRegExp(char);
  };
  const name = plainText(part);
  const alias = field === "arch" && !part.some(isWild) && language.aliases[name.toLowerCase()];
  const pattern = new RegExp(`^(?:${alias ? escapeRegExp(alias) : part.map(spell).join("")})$`, "isu");
  const known = language.vocabulary[field];
  if (known && !known.some((value) => pattern.test(value))) {
    throw new QueryError(column, `no ${field} '${name}'${didYouMean(name, known.filter(Boolean))}`);
  }
  return pattern;
}

function didYouMean(word, known) {
  const near = known
    .map((name) => [distance(word.toLowerCase(), name), name])
    .filter(([steps, name]) => steps <= Math.max(word.length, name.length) * 0.4)
    .sort(([a], [b]) => a - b);
  return near.length ? `; did you mean '${near[0][1]}'?` : `; known: ${[...known].sort().join(" ")}`;
}

// Levenshtein distance.
function distance(a, b) {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const change = above[column - 1] + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(change, above[column] + 1, line[column - 1] + 1));
    }
    above = line;
  }
  return above[b.length];
}
