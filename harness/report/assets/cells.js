// Reads the cells of the embedded run. The data omits defaults, so a missing field has the empty
// value of its type; wheels, provenances and findings are in columns, because many cells share them.

function readCells(data) {
  const targets = new Map(data.run.targets.map((t) => [`${t.id}/${archLabel(t)}`, t]));
  const subjects = new Map(data.run.subjects.map((s) => [s.id, s]));
  const checks = data.run.circumstances.canaries ?? [];
  const doubted = new Set(checks.filter((check) => check.missed?.length).map((check) => check.target));
  return data.run.cells.map((record, place) => {
    const target = targets.get(record.target), subject = subjects.get(record.subject);
    const seen = {
      ...record.observation, wheel: inColumn(data.wheels, place), provenance: inColumn(data.provenances, place),
      findings: inColumn(data.findings, place),
    };
    const id = `${record.target}/${record.subject}`;
    return {
      id, record, target, subject, seen, verdict: record.verdict, change: data.changes[id],
      doubted: doubted.has(record.target),
      facts: {
        id, target: target.id, arch: target.arch_name, machine: target.machine?.name ?? "", subject: subject.id, group: subject.group,
        outcome: seen.outcome ?? "", verdict: record.verdict, cause: seen.cause ?? "",
      },
    };
  });
}

const archLabel = (target) => target.machine ? `${target.arch_name}@${target.machine.name}` : target.arch_name;
const inColumn = ({ values, places }, place) => values[places[place]];
const isUnexpected = (cell) => cell.verdict === "unexpected" || cell.verdict === "unexpected-pass";
const isPlainPass = (cell) => cell.facts.outcome === "pass" && cell.verdict === "as-expected";

function outcomeWords(cell) {
  const outcome = cell.facts.outcome || "not run";
  if (isUnexpected(cell)) return `${outcome}, unexpected`;
  return cell.verdict === "as-expected" && cell.record.expectation ? `${outcome}, as declared` : outcome;
}

// The sign and colour of an outcome; loud if unexpected.
function markOf(outcome, loud, glyphs) {
  const glyph = glyphs[outcome || "not-run"];
  const mark = el("span", { class: `mark ${outcome || "none"}${loud ? " loud" : ""}`, "aria-hidden": "true" });
  mark.textContent = loud ? glyph.unexpected : glyph.expected;
  return mark;
}

const cellMark = (cell, glyphs) => markOf(cell.facts.outcome, isUnexpected(cell), glyphs);

// Creates every element of the page; strings always become text nodes.
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== "") node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== "" && child !== false));
  return node;
}

// Addresses may come from a wheel: only http and https become links.
function safeLink(address) {
  if (!/^https?:\/\//i.test(address ?? "")) return "";
  return el("a", { href: address, rel: "noopener noreferrer" }, address);
}

function quoteWord(value) {
  return /[\s,:"*?]|^-|^$/u.test(value) ? `"${value.replaceAll('"', "")}"` : value;
}
