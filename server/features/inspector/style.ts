/** The inspector's styles, each colour in a light and a dark variant. The styles are a text, because no build step copies files. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --canvas: light-dark(#f6f6f4, #111413);
  --surface: light-dark(#ffffff, #191d1c);
  --sunken: light-dark(#eeeeeb, #222726);
  --ink: light-dark(#1a1d1c, #eceeed);
  --muted: light-dark(#5c6361, #9ba3a0);
  --line: light-dark(#dddeda, #2f3634);
  --strong: light-dark(#7f8683, #6f7774);
  --accent: light-dark(#0f766e, #4fd1c0);
  --soft: light-dark(#e2f1ef, #173a36);
  --good: light-dark(#2f7d46, #6cc58a);
  --warn: light-dark(#9a5500, #e5b05a);
  --bad: light-dark(#b3382c, #f08a7d);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 78rem; background: var(--canvas); color: var(--ink); font: 0.9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
code, small { font-size: 0.875em; }
code { font-family: var(--mono); overflow-wrap: break-word; unicode-bidi: isolate; }
.value { overflow-wrap: anywhere; }
small, .none, caption { color: var(--muted); }
h1 { font-size: 1.25rem; margin: 0; }
h1 span { color: var(--muted); font-weight: 400; }
h2 { font-size: 1.0625rem; margin: 2rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
b { font-weight: 600; }
ul { list-style: none; margin: 0; padding: 0; }
dl, dd { margin: 0; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--surface); padding: 0.5rem 1rem; z-index: 2; }
.top { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem; padding: 0.75rem 0; background: var(--canvas); border-bottom: 1px solid var(--line); }
#status { flex: 1 1 10rem; margin: 0; color: var(--accent); text-align: right; }
button { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--strong); border-radius: 8px; padding: 0.25rem 0.75rem; min-height: 2rem; cursor: pointer; }
button:hover { border-color: var(--accent); color: var(--accent); }
button[aria-pressed="true"] { background: var(--accent); border-color: var(--accent); color: var(--surface); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.75rem; margin-bottom: 1rem; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 0.75rem 1rem; }
.card dt { color: var(--muted); }
.card dd { font-size: 1.5rem; font-weight: 600; line-height: 1.3; }
.card dd.note { font-size: 0.875rem; font-weight: 400; color: var(--muted); }
.good { color: var(--good); }
.slow, .warn { color: var(--warn); }
.down { color: var(--bad); }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; }
.actions p { margin: 0; color: var(--muted); flex: 1 1 16rem; }
form[role="search"] { display: flex; align-items: center; gap: 0.5rem; margin-bottom: 1rem; }
input { font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--strong); border-radius: 8px; padding: 0.25rem 0.625rem; min-height: 2rem; min-width: 0; flex: 0 1 16rem; width: 100%; }
.subject { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; margin-bottom: 1rem; overflow: hidden; }
.subject > header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 0.5rem 1rem; padding: 0.75rem 1rem 0.25rem; }
.kind { display: inline-block; background: var(--soft); color: var(--accent); border-radius: 6px; padding: 0 0.5rem; font-size: 0.8125rem; font-weight: 600; }
.sections { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; padding: 0.25rem 1rem 0.75rem; }
.sections > div { display: flex; gap: 0.5rem; align-items: baseline; }
.sections dt { color: var(--muted); }
.none { padding: 0 1rem 0.75rem; margin: 0; }
section > .none { padding: 0 0 0.75rem; }
meter { width: 5rem; height: 0.75rem; vertical-align: -0.05em; }
table { width: 100%; border-collapse: collapse; background: var(--surface); }
section > table { border: 1px solid var(--line); border-radius: 12px; border-collapse: separate; border-spacing: 0; margin-bottom: 1rem; }
caption { text-align: left; padding: 0.25rem 0; }
.subject caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
tbody small { display: inline-block; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 1rem; border-top: 1px solid var(--line); font-weight: 400; }
thead th { font-size: 0.8125rem; color: var(--muted); background: var(--sunken); padding-block: 0.25rem; border-top: 0; }
tbody th code { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.subject table { table-layout: fixed; }
.subject thead th:nth-child(1) { width: 16%; }
.subject thead th:nth-child(2) { width: 28%; }
.subject thead th:nth-child(3) { width: 24%; }
.subject thead th:nth-child(4) { width: 24%; }
.subject thead th:nth-child(5) { width: 8%; text-align: right; }
section > table thead th:first-child { border-start-start-radius: 11px; }
section > table thead th:last-child { border-start-end-radius: 11px; }
time { font-variant-numeric: tabular-nums; white-space: nowrap; }
.value { white-space: pre-wrap; }
.masked { color: var(--muted); }
.state { color: var(--warn); }
.places { display: flex; flex-wrap: wrap; gap: 0.25rem; }
.places li { border: 1px solid var(--line); border-radius: 6px; padding: 0 0.375rem; font-size: 0.8125rem; color: var(--muted); }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.5rem; padding-bottom: 0.75rem; color: var(--muted); font-size: 0.8125rem; }
.places .cookie, .places .store { border-color: var(--accent); color: var(--accent); }
@media (prefers-reduced-motion: no-preference) {
  tbody [data-key] { animation: news 1.2s ease-out; }
  @keyframes news { from { background: var(--soft); } }
}
@media (max-width: 44rem) {
  [role="table"], [role="table"] tbody, [role="table"] tr { display: block; }
  [role="table"] caption { display: block; padding: 0.5rem 1rem 0; }
  [role="table"] thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  [role="table"] tr { padding: 0.5rem 1rem; border-top: 1px solid var(--line); }
  [role="table"] th[data-title], [role="table"] td { display: grid; grid-template-columns: 5rem 1fr; align-items: baseline; gap: 0.5rem; padding: 0.125rem 0; border: 0; text-align: left; }
  [role="table"] [data-title]::before { content: attr(data-title); content: attr(data-title) / ""; color: var(--muted); font-size: 0.8125rem; }
  #status:not(:empty) { text-align: left; order: 3; flex-basis: 100%; }
  #status:empty { flex: 0 0 0; }
  #pause { margin-left: auto; }
  h1 { font-size: 1.0625rem; }
  label { white-space: nowrap; }
  .sections { display: grid; gap: 0.125rem; }
  .sections > div { display: grid; grid-template-columns: 5rem 1fr; }
}
`
