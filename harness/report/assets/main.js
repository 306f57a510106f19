// The page's state is in its address, so that every view has a link: in the query if a service
// reads it too, otherwise in the fragment.

const data = JSON.parse(document.getElementById("data").textContent);
const cells = readCells(data);
const byId = new Map(cells.map((cell) => [cell.id, cell]));
const at = (id) => document.getElementById(id);
const START = { q: "", rows: "", by: "target", changes: "", cell: "" };
let state = { ...START };
let drawn = null; // the table drawn for `laid`
let laid = "";
let current = null; // the cell of the grid in the tab order

const served = "served" in document.documentElement.dataset;

function readState() {
  const given = new URLSearchParams(`${location.search.slice(1)}&${location.hash.slice(1)}`);
  return Object.fromEntries(Object.entries(START).map(([key, value]) => [key, given.get(key) ?? value]));
}

function address(next) {
  const words = Object.entries(next).filter(([key, value]) => value !== START[key])
    .map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%3A", ":")}`);
  return served ? `${location.pathname}${words.length ? "?" : ""}${words.join("&")}` : `#${words.join("&")}`;
}

function go(change, { keep = false } = {}) {
  const before = state;
  state = { ...state, ...change };
  history[keep ? "pushState" : "replaceState"](null, "", address(state));
  render(before);
}

function render(before) {
  const same = before && ["q", "rows", "by", "changes"].every((key) => before[key] === state[key]);
  if (!same) renderGrid();
  if (!before || before.cell !== state.cell || !same) renderPanel(before?.cell ?? "");
}

function renderGrid() {
  const fits = testCells();
  if (!fits) return;
  const transposed = (state.rows || data.rows) === "targets";
  at("transpose").setAttribute("aria-pressed", String(transposed));
  at("changes").setAttribute("aria-pressed", String(Boolean(state.changes)));
  at("grouping").value = state.by;
  const layout = { transposed, grouping: state.by, changes: Boolean(state.changes) };
  const asLaid = [transposed, state.by, state.changes].join();
  if (asLaid !== laid) {
    laid = asLaid;
    drawn = drawGrid(at("grid"), cells, layout, data.glyphs);
  }
  fitGrid(drawn, fits);
  const shown = cells.filter((cell) => fits.has(cell.id));
  if (!shown.some((cell) => cellNode(cell.id) === current)) focusable(at("grid").querySelector("td[data-cell]:not(.off)"));
  at("matched").textContent = shown.length === cells.length ? `${cells.length} cells` : `${shown.length} of ${cells.length}`;
  at("sheet").hidden = !shown.length;
  at("empty").hidden = Boolean(shown.length);
  at("comparison").hidden = !state.changes;
  drawLegend();
  later(() => { at("findings").hidden = !drawFindings(at("findings-body"), shown, data.glyphs); });
}

// Lists below the grid are drawn later, so that a keystroke waits only for the grid.
let pending = 0;
function later(work) {
  clearTimeout(pending);
  pending = setTimeout(work, 60);
}

function testCells() {
  const input = at("query");
  if (input.value !== state.q && document.activeElement !== input) input.value = state.q;
  try {
    const fits = parseQuery(state.q, data.language);
    input.removeAttribute("aria-invalid");
    at("problem").hidden = true;
    return new Set(cells.filter((cell) => fits(cell.facts)).map((cell) => cell.id));
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    input.setAttribute("aria-invalid", "true");
    at("problem").hidden = false;
    at("problem").textContent = `Column ${error.column}: ${error.message}`;
    return at("grid").rows.length ? null : new Set(cells.map((cell) => cell.id));
  }
}


function drawLegend() {
  const kinds = Map.groupBy(cells, (cell) => `${cell.verdict} ${cell.facts.outcome}`);
  const rank = ([first]) => ["unexpected", "unexpected-pass", "miss", "not-run", "as-expected"].indexOf(first.verdict);
  const buttons = [...kinds.values()].sort((a, b) => rank(a) - rank(b) || b.length - a.length).map((same) => {
    const words = `outcome:${same[0].facts.outcome} verdict:${same[0].verdict}`;
    const label = (same[0].facts.outcome || "not run") + (isUnexpected(same[0]) ? " (unexpected)" : "");
    return el("li", {}, el("button", { type: "button", "data-query": words, "aria-pressed": String(state.q === words) },
      cellMark(same[0], data.glyphs), el("b", {}, String(same.length)), label));
  });
  at("legend").replaceChildren(...buttons);
}

function renderPanel(last) {
  const panel = at("panel"), cell = byId.get(state.cell);
  for (const open of at("grid").querySelectorAll("td.open")) open.classList.remove("open");
  panel.hidden = !cell;
  document.title = cell ? `${cell.id} · Wheelgrid` : "Wheelgrid";
  if (!cell) {
    if (last) cellNode(last)?.focus();
    return;
  }
  drawPanel(panel, cell, data);
  panel.scrollTop = 0;
  const node = cellNode(cell.id);
  node?.classList.add("open");
  if (node) focusable(node);
  if (!at("grid").contains(document.activeElement)) panel.focus({ preventScroll: true });
}

const cellNode = (id) => drawn.nodes.get(id);

function focusable(node) {
  current?.setAttribute("tabindex", "-1");
  current = node;
  current?.setAttribute("tabindex", "0");
}

function step(direction) {
  const found = [...at("grid").querySelectorAll("td[data-cell]:not(.off)")]
    .map((node) => node.dataset.cell).filter((id) => !isPlainPass(byId.get(id)));
  if (!found.length) return;
  const here = found.indexOf(state.cell || current?.dataset.cell);
  const next = here < 0 ? (direction > 0 ? 0 : found.length - 1) : (here + direction + found.length) % found.length;
  go({ cell: found[next] });
  cellNode(found[next])?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

async function copy(text, button) {
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = said; }, 1200);
}

const ACTIONS = {
  cell: (node) => go({ cell: node.dataset.cell }, { keep: !state.cell }),
  open: (node) => go({ cell: node.dataset.open }, { keep: !state.cell }),
  query: (node) => go({ q: state.q === node.dataset.query ? "" : node.dataset.query }),
  step: (node) => step(Number(node.dataset.step)),
  close: () => go({ cell: "" }),
  link: (node) => copy(location.href, node),
  copy: (node) => copy(node.dataset.copy, node),
  skip: () => current?.focus(),
};

document.addEventListener("click", (event) => {
  const node = event.target.closest("[data-cell],[data-open],[data-query],[data-step],[data-close],[data-link],[data-copy],[data-skip]");
  const action = node && Object.keys(ACTIONS).find((name) => name in node.dataset);
  if (!action) return;
  if (action === "skip") event.preventDefault();
  ACTIONS[action](node);
  if (action === "cell") node.focus();
});

const KEYS = {
  "/": () => { at("query").focus(); at("query").select(); },
  t: () => at("transpose").click(),
  c: () => data.base && at("changes").click(),
  n: () => step(1),
  p: () => step(-1),
  "?": () => at("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
  const writing = event.target.closest("input, select, textarea");
  if (event.key === "Escape" && state.cell && !writing) return void go({ cell: "" });
  if (event.key === "Escape" && writing) return void writing.blur();
  if (writing) return;
  const cell = event.target.closest("td[data-cell]");
  if (cell && event.key.startsWith("Arrow")) {
    const next = neighbour(at("grid"), cell, event.key);
    event.preventDefault();
    if (!next) return;
    focusable(next);
    next.focus();
    if (state.cell) go({ cell: next.dataset.cell });
  } else if (cell && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    ACTIONS.cell(cell);
    at("panel").focus({ preventScroll: true });
  } else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

at("query").addEventListener("input", () => go({ q: at("query").value }));
at("tools").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", () => { at("query").value = ""; go({ q: "" }); });
at("grouping").addEventListener("change", () => go({ by: at("grouping").value }));
at("transpose").addEventListener("click", () => go({ rows: (state.rows || data.rows) === "targets" ? "subjects" : "targets" }));
at("changes").addEventListener("click", () => go({ changes: state.changes ? "" : "1" }));
at("keys").addEventListener("click", () => at("help").showModal());
for (const happened of ["hashchange", "popstate"]) {
  addEventListener(happened, () => { const before = state; state = readState(); render(before); });
}

const THEME = "wheelgrid-theme";
at("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(isDark ? "light" : "dark");
  try { localStorage.setItem(THEME, root.dataset.theme); } catch { /* not allowed for a page from a file */ }
});
function setTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
try { setTheme(localStorage.getItem(THEME)); } catch { /* not allowed for a page from a file */ }

at("changes").hidden = !data.base;
if (data.base) drawChanges(at("comparison-body"), data, byId);
at("key").textContent = data.key;
at("language").append(el("h3", {}, "Query words"), el("table", { class: "plain" }, el("tbody", {},
  ...data.language.examples.map(([words, meaning]) => el("tr", {},
    el("th", { scope: "row" }, el("code", {}, words)), el("td", {}, meaning))))));
state = readState();
at("query").value = state.q;
render();
