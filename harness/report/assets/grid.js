// Draws the cells as a table and filters its rows and columns.

const WAYS = { registry: "R", assembled: "A", replica: "X" };

function subjectItems(cells) {
  const items = new Map();
  for (const { subject } of cells) {
    items.set(subject.id, { key: subject.id, label: subject.id, group: subject.group, way: "" });
  }
  return [...items.values()];
}

const targetMark = ({ lenient, doubted }) => (doubted ? " !" : lenient ? " *" : "");

function targetItems(cells, grouping) {
  const items = new Map();
  for (const { target, record, seen, doubted } of cells) {
    const known = items.get(record.target);
    const way = WAYS[seen.provenance?.image?.way] ?? known?.way ?? "";
    items.set(record.target, { key: record.target, way, ...targetNames(target, grouping), lenient: target.allow_failure, doubted });
  }
  return [...items.values()];
}

function targetNames(target, grouping) {
  const whole = `${target.id} ${archLabel(target)}`;
  if (grouping === "arch") return { group: archLabel(target), label: target.id };
  if (grouping === "python") return { group: `Python ${target.python}`, label: whole };
  if (grouping === "libc") return { group: target.libc, label: whole };
  return { group: target.id, label: archLabel(target) };
}

function bundle(items) {
  const groups = new Map();
  for (const item of items) {
    if (!groups.has(item.group)) groups.set(item.group, []);
    groups.get(item.group).push(item);
  }
  return [...groups].map(([heading, members]) => ({ heading, items: members }));
}

// Draws every cell once and returns the rows and columns for `fitGrid`, which applies a filter.
function drawGrid(table, cells, layout, glyphs) {
  const subjects = bundle(subjectItems(cells)), targets = bundle(targetItems(cells, layout.grouping));
  const [rows, columns] = layout.transposed ? [targets, subjects] : [subjects, targets];
  const lookup = new Map(cells.map((cell) => [
    layout.transposed ? `${cell.record.target} ${cell.subject.id}` : `${cell.subject.id} ${cell.record.target}`, cell]));
  const drawn = { table, rows: [], columns: [], groups: [], nodes: new Map() };
  const head = drawHead(columns, layout.transposed, drawn);
  table.replaceChildren(head, ...rows.map((group) => drawRows(group, columns, lookup, { layout, glyphs, drawn })));
  const longest = Math.max(...rows.flatMap(({ items }) => items.map(({ label, way }) => label.length + (way ? 2 : 0))));
  table.style.setProperty("--letters", Math.max(longest, 6));
  table.style.setProperty("--heading", Math.max(...rows.map(({ heading }) => heading.length)));
  return drawn;
}

function drawHead(columns, transposed, drawn) {
  const groups = line(), leaves = line();
  groups.append(el("td", { class: "corner", role: "presentation" }));
  leaves.append(el("th", { class: "corner", scope: "col", role: "columnheader" }, transposed ? "target" : "wheel"));
  for (const { heading, items } of columns) {
    const name = el("span", {}, heading);
    const group = el("th", { class: "bundle first", scope: "colgroup", role: "columnheader", title: heading }, name);
    const members = items.map((item, index) => ({ node: drawLeaf(item, index === 0), shown: true }));
    groups.append(group);
    leaves.append(...members.map(({ node }) => node));
    drawn.columns.push(...members);
    drawn.groups.push({ node: group, name, members });
  }
  return el("thead", { role: "rowgroup" }, groups, leaves);
}

// Rows are laid out separately, so that invisible ones cost nothing. That removes their implicit
// roles, so roles are explicit.
const line = (attributes = {}) => el("tr", { role: "row", ...attributes });

function drawLeaf(item, first) {
  return el("th", { class: first ? "leaf first" : "leaf", scope: "col", role: "columnheader", title: item.key },
    el("div", { class: "upright" }, item.label + targetMark(item)), item.way && el("span", { class: "way" }, item.way));
}

function drawRows(group, columns, lookup, how) {
  const heading = line({ class: "bundle" });
  heading.append(el("th", { scope: "rowgroup", role: "rowheader" }, group.heading));
  const body = el("tbody", { role: "rowgroup" }, heading);
  for (const item of group.items) {
    const row = line();
    row.append(el("th", { scope: "row", role: "rowheader", title: item.key },
      el("span", { class: "label" }, item.label + targetMark(item)), item.way && el("span", { class: "way" }, item.way)));
    const nodes = columns.flatMap(({ items }) => items.map((other) =>
      drawCell(lookup.get(`${item.key} ${other.key}`), how)));
    row.append(...nodes);
    body.append(row);
    how.drawn.rows.push({ node: row, body, nodes });
  }
  return body;
}

function drawCell(cell, { layout, glyphs, drawn }) {
  if (!cell) return el("td", { role: "gridcell" });
  const changed = layout.changes && cell.change && cell.change.kind !== "not-comparable";
  const loud = isUnexpected(cell), outcome = cell.facts.outcome, glyph = glyphs[outcome || "not-run"];
  const node = document.createElement("td");
  node.className = `mark ${outcome || "none"}${loud ? " loud" : ""}${changed ? " changed" : ""}`;
  node.tabIndex = -1;
  node.setAttribute("role", "gridcell");
  node.dataset.cell = cell.id;
  node.setAttribute("aria-label", `${cell.id}: ${outcomeWords(cell)}${changed ? `, ${cell.change.kind}` : ""}`);
  node.textContent = loud ? glyph.unexpected : glyph.expected;
  drawn.nodes.set(cell.id, node);
  return node;
}

// Fades cells that do not match; hides rows, columns and groups without a match. Updates only what
// changed, because every keystroke lays out thousands of cells.
function fitGrid(drawn, fits) {
  const used = drawn.columns.map(() => false);
  const groups = new Map();
  for (const { node, body, nodes } of drawn.rows) {
    let any = false;
    nodes.forEach((cell, column) => {
      const fit = fits.has(cell.dataset.cell);
      if (fit) any = used[column] = true;
      if (fit === cell.classList.contains("off")) cell.classList.toggle("off", !fit);
    });
    if (node.hidden === any) node.hidden = !any;
    groups.set(body, groups.get(body) || any);
  }
  for (const [body, any] of groups) if (body.hidden === any) body.hidden = !any;
  drawn.columns.forEach((column, index) => {
    if (column.shown === used[index]) return;
    column.shown = used[index];
    column.node.hidden = !column.shown;
    for (const { nodes } of drawn.rows) nodes[index].hidden = !column.shown;
  });
  drawn.groups.forEach(fitGroup);
  drawn.table.style.setProperty("--columns", used.filter(Boolean).length);
}

function fitGroup({ node, name, members }) {
  const width = members.filter(({ shown }) => shown).length;
  node.hidden = !width;
  node.style.setProperty("--span", width);
  name.className = name.textContent.length * 0.5 < width * 1.85 ? "" : "upright";
}

// Arrow keys: the next cell in that direction, across gaps and headings.
function neighbour(table, cell, key) {
  const rows = [...table.querySelectorAll("tbody tr:not(.bundle):not([hidden])")];
  let row = rows.indexOf(cell.parentElement), column = cell.cellIndex;
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  for (;;) {
    row += down;
    column += right;
    const next = rows[row]?.cells[column];
    if (!next || column < 1) return undefined;
    if (next.dataset.cell && !next.hidden) return next;
  }
}
