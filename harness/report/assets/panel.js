// The panel of one cell: result, explanation and details.

function drawPanel(panel, cell, data) {
  const { seen, record } = cell;
  panel.replaceChildren(
    panelBar(cell, data.glyphs), ...panelStory(cell),
    ...panelChange(cell, data), ...panelHistory(cell, data),
    ...section("Evidence", seen.evidence && el("pre", { tabindex: "0" }, seen.evidence)),
    ...section("Reproduce", ...commandsOf(cell, data.run).map(commandLine)),
    ...panelWheel(seen), ...panelTarget(cell, data.run.passports?.[seen.provenance?.passport_id] ?? data.passports[record.target]),
    ...panelLog(seen), ...panelProvenance(seen));
}

function panelBar(cell, glyphs) {
  const stage = cell.seen.stage ? ` at ${cell.seen.stage}` : "";
  const words = el("p", { class: "outcome" }, el("b", {}, outcomeWords(cell)), stage,
    cell.facts.cause && " · ", cell.facts.cause && el("span", { class: "mono" }, cell.facts.cause));
  return el("div", { class: "bar" }, cellMark(cell, glyphs),
    el("div", {}, el("h2", { id: "panel-title" }, cell.id), words),
    el("div", { class: "steps" },
      el("button", { type: "button", "data-step": "-1", "aria-label": "Previous cell that did not pass", title: "Previous (p)" }, "‹"),
      el("button", { type: "button", "data-step": "1", "aria-label": "Next cell that did not pass", title: "Next (n)" }, "›"),
      el("button", { type: "button", "data-link": "", title: "Copy a link to this cell" }, "Link"),
      el("button", { type: "button", "data-close": "", "aria-label": "Close", title: "Close (Esc)" }, "✕")));
}

function panelStory({ seen, record, verdict, facts }) {
  const prediction = seen.prediction, expectation = record.expectation;
  const odd = prediction && prediction.outcome !== facts.outcome && facts.outcome !== "miss";
  return [
    verdict === "not-run" && el("p", { class: "story" }, "The run ended before this cell's turn."),
    !odd && prediction?.explanation && el("p", { class: "story" }, prediction.explanation),
    odd && el("p", { class: "odd" }, `Predicted “${prediction.outcome}”: `, prediction.explanation ?? ""),
    prediction?.remedy && el("p", { class: "remedy" }, prediction.remedy),
    prediction?.reference && el("p", {}, safeLink(prediction.reference)),
    expectation && el("p", { class: "story" }, `Expected ${expectation.outcome}`,
      expectation.cause ? ` (${expectation.cause})` : "", `: ${expectation.reason} `, safeLink(expectation.link)),
  ].filter(Boolean);
}

function panelChange(cell, data) {
  const change = cell.change;
  if (!change) return [];
  const said = el("p", {}, el("b", {}, change.kind), change.flaky ? " (flaky: it has changed before with nothing else changing)" : "",
    ` since ${data.base}: ${change.before || "not there"}${change.before_cause ? ` (${change.before_cause})` : ""} → ${outcomeWords(cell)}`);
  return section("Change", said, change.differences.length ? facts(change.differences.map(
    ({ what, before, now }) => [what, `${before || "none"} → ${now || "none"}`])) : undefined);
}

function panelHistory(cell, data) {
  const history = (data.history[cell.id] ?? []).map((place) => data.sightings[place]);
  const flaky = data.flaky.includes(cell.id) && el("p", { class: "odd" }, "Flaky: it has changed before with nothing else changing.");
  if (!history.length) return section("History", flaky);
  const list = el("ol", { class: "history" }, ...history.map(({ when, outcome, cause }) => {
    const words = `${when.slice(0, 16).replace("T", " ")}: ${outcome}${cause ? ` (${cause})` : ""}`;
    const mark = markOf(outcome, false, data.glyphs);
    mark.title = words;
    return el("li", {}, mark, el("span", { class: "unseen" }, words));
  }));
  const first = history[0].when.slice(0, 10), last = history.at(-1).when.slice(0, 10);
  return section("History", flaky, list, el("p", { class: "key" }, `${history.length} runs, ${first} to ${last}, the newest at the end`));
}

function panelWheel(seen) {
  const wheel = seen.wheel;
  if (!wheel) return [];
  return section("Wheel", facts([
    ["file", wheel.filename], ["with", seen.companions?.join("  ")], ["decided by", seen.prediction?.file], ["size", `${wheel.size.toLocaleString("en")} bytes`],
    ["sha256", wheel.sha256], ["built by", wheel.builder],
  ]), ...findingList(seen.findings));
}

function findingList(findings) {
  const items = (findings ?? []).map(({ code, file, message, minded_by, source }) => el("li", {},
    el("span", { class: "mono" }, code), `: ${file ? `${file}: ` : ""}${message} (${minded_by}) `, safeLink(source)));
  return items.length ? [el("p", {}, "Findings:"), el("ul", { class: "findings" }, ...items)] : [];
}

function panelTarget({ target, seen }, passport) {
  const image = seen.provenance?.image;
  const measured = passport && [
    ["imports", passport.extension_suffixes.join("  ")], ["builds", passport.ext_suffix],
    ["installer", passport.installer], ["libc", passport.libc], ["machine", passport.machine],
    ["accepts", passport.tags.slice(0, 6).join("  ") + (passport.tags.length > 6 ? `  … ${passport.tags.length} tags` : "")],
  ];
  return section("Target", facts([
    ["name", target.title], ["Python", passport?.python ?? target.python],
    ...(measured ?? [["libc", target.libc]]),
    ["image", image && `${image.way}: ${image.origin}`], ["image id", image?.id],
  ]));
}

function panelLog(seen) {
  if (!seen.log?.trim()) return [];
  const log = el("details", {}, el("summary", {}, "Output"), el("pre", { tabindex: "0" }, seen.log));
  log.open = seen.outcome !== "pass" && seen.log.length < 20000;
  return [log];
}

function panelProvenance(seen) {
  const { image, ...others } = seen.provenance ?? {};
  const attempts = (seen.attempts ?? []).map((a) => `${a.mode}: ${a.outcome} at ${a.stage} after ${a.seconds.toFixed(2)} s`);
  const seconds = Object.entries(seen.seconds ?? {}).map(([phase, spent]) => `${phase} ${spent.toFixed(2)} s`);
  const rows = [
    ["measured", seen.measured_at && `${seen.measured_at}${seen.cached ? " (reused)" : ""}`],
    ["attempts", attempts.join("; ")], ["time", seconds.join(", ")],
    ...Object.entries(others).map(([name, value]) => [name.replaceAll("_", " "), value && String(value)]),
  ].filter(([, value]) => value);
  return rows.length ? [el("details", {}, el("summary", {}, "How it was measured"), facts(rows))] : [];
}

function commandsOf(cell, run) {
  const [id, key] = [cell.id, `${cell.target.id} and ${archLabel(cell.target).replace("@", " and @")} and ${cell.subject.id}`];
  const machine = cell.facts.machine ? ["--machine", cell.facts.machine] : [];
  const line = (...words) => ["wheelgrid", ...words].map(shellWord).join(" ");
  const about = cell.facts.cause ? [line("explain", cell.facts.cause)] : [];
  const source = cell.subject.source, own = source?.paths || run.circumstances.command?.[0] === "check";
  if (own) {
    const wheel = source?.paths ? cell.seen.wheel?.filename ?? "WHEEL" : `${source.name}==${source.version}`;
    return [line("check", wheel, "--target", cell.target.id, "--arch", cell.target.arch_name, ...machine), line("repro", id), line("explain", id), ...about];
  }
  return [line("repro", id), line("explain", id), line("run", "-k", key), ...about];
}

function shellWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function commandLine(command) {
  return el("div", { class: "command" }, el("pre", {}, command),
    el("button", { type: "button", "data-copy": command, "aria-label": `Copy: ${command}` }, "Copy"));
}

function section(title, ...children) {
  const inner = children.filter(Boolean);
  return inner.length ? [el("h3", {}, title), ...inner] : [];
}

function facts(rows) {
  return el("dl", {}, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
