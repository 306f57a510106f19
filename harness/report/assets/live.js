// Follows a run in progress: cells appear as they finish. A lost connection resumes by itself after
// the last event that came; when the run has ended, the page is loaded again.

const live = at("live");
const stream = new EventSource(live.dataset.events);
let left = cells.filter((cell) => cell.verdict === "not-run").length;

stream.addEventListener("cell", (event) => {
  const record = JSON.parse(event.data);
  const cell = byId.get(record.cell);
  if (!cell) return;
  if (cell.verdict === "not-run" && record.verdict !== "not-run") left -= 1;
  cell.verdict = cell.facts.verdict = cell.record.verdict = record.verdict;
  cell.facts.outcome = record.outcome ?? "";
  cell.facts.cause = record.cause;
  Object.assign(cell.seen, { outcome: record.outcome, cause: record.cause, evidence: record.evidence });
  redrawCell(cell);
  later(() => { drawLegend(); at("findings").hidden = !drawFindings(at("findings-body"), cells, data.glyphs); });
});

stream.addEventListener("state", (event) => {
  const { done, total, doing } = JSON.parse(event.data);
  live.replaceChildren(el("b", {}, `Running: ${done} of ${total} cells.`), ` ${doing.join("; ")}`);
});

stream.addEventListener("end", () => {
  stream.close();
  location.reload();
});

stream.addEventListener("error", () => { live.textContent = "Not connected; trying again."; });

function redrawCell(cell) {
  const old = cellNode(cell.id);
  if (!old) return;
  const loud = isUnexpected(cell), outcome = cell.facts.outcome, glyph = data.glyphs[outcome || "not-run"];
  old.className = `mark ${outcome || "none"}${loud ? " loud" : ""}${old.classList.contains("off") ? " off" : ""}`;
  old.textContent = loud ? glyph.unexpected : glyph.expected;
  old.setAttribute("aria-label", `${cell.id}: ${outcomeWords(cell)}`);
}
