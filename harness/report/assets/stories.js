// Lists of failures and changes.

const SECTIONS = [
  ["Unexpected", (cell) => isUnexpected(cell)],
  ["Nothing can be said", (cell) => cell.verdict === "miss"],
  ["As expected", (cell) => cell.verdict === "as-expected"],
];
const SHOWN_IDS = 6;
const SHOWN_STORIES = 40;
const MOST_SAID = 500;
const CHANGES = ["regressed", "fixed", "changed-cause", "new", "gone", "not-comparable"];

// Cells of a wheel with the same result and evidence share a line.
function drawFindings(body, cells, glyphs) {
  const parts = SECTIONS.flatMap(([heading, belongs]) => {
    const found = cells.filter((cell) => belongs(cell) && !isPlainPass(cell));
    if (!found.length) return [];
    const stories = [...Map.groupBy(found, storyOf).values()];
    const more = stories.length - SHOWN_STORIES;
    return [el("h3", {}, heading, el("small", {}, `${found.length} cell${found.length > 1 ? "s" : ""}`)),
      el("ul", { class: "stories" }, ...stories.slice(0, SHOWN_STORIES).map((same) => drawStory(same, glyphs))),
      more > 0 && el("p", { class: "key" }, `and ${more} more: filter for them`)].filter(Boolean);
  });
  body.replaceChildren(...parts);
  return parts.length > 0;
}

function storyOf(cell) {
  const { seen, record } = cell;
  const own = isUnexpected(cell) && !seen.prediction?.explanation ? cell.id : "";
  return JSON.stringify([seen.outcome, seen.cause, seen.prediction?.explanation ?? seen.evidence, cell.subject.id, record.expectation?.reason, own]);
}

function drawStory(cells, glyphs) {
  const [first] = cells, { seen, record } = first;
  const ids = cells.slice(0, SHOWN_IDS).map((cell) => openButton(cell.id));
  const said = seen.prediction?.explanation || seen.evidence || "";
  return el("li", {}, cellMark(first, glyphs),
    el("div", { class: "cells" }, ...ids, cells.length > SHOWN_IDS && el("span", { class: "tag" }, `${cells.length - SHOWN_IDS} more`),
      el("span", { class: "tag" }, first.facts.cause || outcomeWords(first))),
    said && el("p", { class: "said" }, firstLine(said)),
    record.expectation && el("p", { class: "said" }, `expected ${record.expectation.outcome}: ${record.expectation.reason}`));
}

const firstLine = (text) => {
  const line = text.replace(/\s+/g, " ").trim();
  // An error says at its end what went wrong.
  return line.length > MOST_SAID ? `${line.slice(0, MOST_SAID / 2)}…${line.slice(1 - MOST_SAID / 2)}` : line;
};

const openButton = (id) => el("button", { type: "button", class: "link", "data-open": id }, id);

function drawChanges(body, data, byId) {
  const groups = Map.groupBy(Object.entries(data.changes), ([, change]) => change.kind);
  const epidemics = data.epidemics.map(({ text, cells }) => el("p", { class: "odd" }, `${text}: ${cells} cells changed with it`));
  const parts = CHANGES.filter((kind) => groups.has(kind)).flatMap((kind) => [
    el("h3", {}, kind.replace("-", " "), el("small", {}, String(groups.get(kind).length))),
    el("ul", { class: "stories" }, ...groups.get(kind).slice(0, SHOWN_STORIES * 5).map(([id, change]) => drawChange(id, change, byId.get(id), data.glyphs))),
  ]);
  const intro = el("p", {}, `Against ${data.base}. `, parts.length ? "" : "Nothing changed.");
  body.replaceChildren(intro, ...epidemics, ...parts);
}

function drawChange(id, change, cell, glyphs) {
  const pair = el("span", { class: "pair" }, markOf(change.before, false, glyphs), " → ",
    cell ? cellMark(cell, glyphs) : markOf("", false, glyphs));
  const words = change.differences.map(({ what, before, now }) => `${what}: ${before || "none"} → ${now || "none"}`).join("; ");
  return el("li", {}, pair, el("div", { class: "cells" }, cell ? openButton(id) : el("span", {}, id),
    change.flaky && el("span", { class: "tag" }, "flaky"), words && el("span", { class: "said" }, words)));
}
