/**
 * How the report page looks: light or dark as the reader's system is, from phone to paper. The colours are those of the page of
 * `bench`, after Okabe and Ito, told apart by colour-blind eyes too. No element has a style of its own, so that the policy of the
 * page can name this sheet by its digest.
 */
export const THEME = `:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #1b2230; --soft: #5d6675; --line: #dfe3ea; --grid: #eceff4;
  --good: #00755a; --bad: #b3400a; --unclear: #8a6100; --neutral: #0b62a3;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b5578f; --c4: #b07900; --c5: #3a93c9; }
@media (prefers-color-scheme: dark) { :root {
  --page: #11151c; --card: #191f29; --ink: #e7ebf2; --soft: #9ba6b7; --line: #2d3644; --grid: #252d39;
  --good: #3ccfa4; --bad: #ff9257; --unclear: #e9bd55; --neutral: #6fb9f0;
  --c0: #4da9e8; --c1: #f58a3f; --c2: #2fc79c; --c3: #dd8fbd; --c4: #e4b13a; --c5: #8ccdf2; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  -webkit-text-size-adjust: 100%; overflow-wrap: anywhere; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 4px; }
h2 { font-size: 18px; line-height: 1.3; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 24px 0 8px; }
p { margin: 0 0 12px; max-width: 75ch; }
`;

const BASE = `
${THEME}a { color: var(--neutral); }
.soft, figcaption, dt, caption { color: var(--soft); }
.eyebrow { text-transform: uppercase; letter-spacing: .08em; font-size: 12px; font-weight: 600; color: var(--soft); margin: 0; }
.banner { max-width: none; display: flex; gap: 12px; align-items: baseline; margin: 20px 0 0; padding: 14px 18px; border-radius: 10px; background: var(--card);
  border: 1px solid var(--line); border-left: 5px solid var(--tone); font-weight: 600; }
.banner .sign { color: var(--tone); }
.good { --tone: var(--good); } .bad, .error { --tone: var(--bad); } .unclear, .warning { --tone: var(--unclear); } .neutral, .note { --tone: var(--neutral); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 24px; margin-top: 20px; scroll-margin-top: 12px; }
section > p { font-size: 14px; color: var(--soft); }
figure { margin: 20px 0 0; } figure:first-of-type { margin-top: 12px; }
figcaption, caption { font-size: 13px; font-weight: 600; padding-bottom: 6px; border-bottom: 1px solid var(--line); text-align: left; }
figcaption { margin-bottom: 6px; display: flex; justify-content: space-between; gap: 12px; }
figcaption .scale { font-weight: 400; }
svg { display: block; width: 100%; overflow: visible; }
svg text { paint-order: stroke; stroke: var(--card); stroke-width: 3px; fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.grid line { stroke: var(--grid); }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
thead th { color: var(--soft); font-weight: 600; font-size: 13px; white-space: nowrap; }
tbody th { font-weight: 400; }
td.number, th.number { text-align: right; white-space: nowrap; } tbody tr:last-child > * { border-bottom: 0; }
tbody th { overflow-wrap: break-word; min-width: 170px; max-width: 460px; } tr > :last-child { padding-right: 0; }
.wide { overflow-x: auto; margin: 12px -8px 0; padding: 0 8px; }
.wide + .wide, .wide + figure, figure + .wide { margin-top: 24px; }
code { font: 13px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
ul { margin: 8px 0 0; padding-left: 20px; font-size: 14px; } li { margin: 4px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 12px 0 0; font-size: 14px; } dd { margin: 0; }
.tone { font-weight: 600; color: var(--tone); white-space: nowrap; }
`;

const REPORT = `
bdi { unicode-bidi: isolate; }
.esc { font: .88em ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; color: var(--bad); border-bottom: 1px dotted; }
small { display: block; color: var(--soft); font-size: 12px; line-height: 1.4; }
.tag { display: inline-block; border: 1px solid var(--line); border-radius: 9px; padding: 0 7px; font-size: 12px; line-height: 17px; color: var(--soft); margin-right: 4px; white-space: nowrap; }
nav { margin: 16px 0 0; font-size: 14px; } nav a { display: inline-block; margin: 0 16px 4px 0; padding: 4px 0; }
.tiles { grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 12px; margin: 20px 0 0; }
.tiles > div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px; }
.tiles dt { font-size: 13px; } .tiles dd { font-size: 21px; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tiles small { font-weight: 400; }
.meter { width: 100px; height: 10px; margin: 6px 0 0; overflow: hidden; border-radius: 3px; } .meter .back { fill: var(--grid); }
td.drawn { width: 22%; min-width: 110px; } table.long td.drawn { width: 8%; min-width: 70px; } table.long tbody th { min-width: 260px; } td.drawn .meter { width: 100%; }
.c0 { fill: var(--c0); --mark: var(--c0); } .c1 { fill: var(--c1); --mark: var(--c1); } .c2 { fill: var(--c2); --mark: var(--c2); }
.c3 { fill: var(--c3); --mark: var(--c3); } .c4 { fill: var(--c4); --mark: var(--c4); } .c5 { fill: var(--c5); --mark: var(--c5); }
caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 60px); }
td.time { white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); margin: 8px 0 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; background: var(--mark); margin-right: 6px; }
.legend i.ring { background: none; border: 2px solid var(--mark); border-radius: 50%; } .legend i.line { width: 2px; height: 14px; vertical-align: -3px; border-radius: 0; }
.legend .inherited, rect.inherited { fill-opacity: .35; opacity: .55; }
ol.tree { list-style: none; margin: 0; padding: 0; }
.tree li { position: relative; display: grid; grid-template-columns: minmax(0, 42%) minmax(0, 1fr) 84px; column-gap: 16px; align-items: start; margin: 0; min-height: 44px; padding: 5px 0; }
.tree .guides { position: absolute; left: 0; top: 0; height: 100%; width: auto; pointer-events: none; }
.guides path, .guides line { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-opacity: .6; } .guides .fork { stroke: var(--c1); stroke-opacity: 1; } .guides .agent { stroke: var(--c3); stroke-opacity: 1; }
.guides circle { fill: var(--c0); stroke: var(--card); stroke-width: 1.5; } .guides circle.fork { fill: var(--c1); } .guides circle.agent { fill: var(--c3); } .guides circle.gone { fill: var(--card); stroke: var(--soft); stroke-width: 2; stroke-dasharray: 2 2; }
.tree .name { font-size: 14px; line-height: 1.35; min-width: 0; } .asked .name { font-weight: 600; }
.d0 { padding-left: 20px; } .d1 { padding-left: 34px; } .d2 { padding-left: 48px; } .d3 { padding-left: 62px; } .d4 { padding-left: 76px; } .d5 { padding-left: 90px; } .d6 { padding-left: 104px; }
.tree .bar { margin-top: 4px; } .figure { text-align: right; font-size: 14px; line-height: 1.35; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar rect.even { fill-opacity: .72; } .bar rect.blank { fill: var(--grid); } .bar .cut { stroke: var(--c1); stroke-width: 2; } .bar circle.cut { fill: var(--card); } .bar .edge { stroke: var(--card); stroke-width: 2; }
.bar .back { fill: var(--grid); }
.sawtooth .path { stroke: var(--c0); stroke-width: 2; } .sawtooth .drop { stroke: var(--c1); stroke-width: 2; } .sawtooth circle { fill: var(--c0); }
ol.turns { list-style: none; margin: 0; padding: 0; }
.turns > li { margin: 0; padding: 8px 0; border-top: 1px solid var(--line); } .turns > li:first-child { border-top: 0; }
.turn { display: grid; grid-template-columns: minmax(0, 36%) minmax(0, 1fr) 172px; column-gap: 16px; align-items: start; }
.turn .name { font-size: 14px; line-height: 1.4; } .turn .bar { margin-top: 3px; } .number-tag { color: var(--soft); font-variant-numeric: tabular-nums; margin-right: 6px; }
.turn .status { color: var(--tone); } .fail { color: var(--bad); font-size: 13px; margin: 4px 0 0; max-width: none; }
details { margin: 4px 0 0; font-size: 14px; } summary { cursor: pointer; color: var(--neutral); font-size: 13px; padding: 3px 0; }
.items { list-style: none; padding: 0; margin: 4px 0 4px; } .items li { display: grid; grid-template-columns: 118px minmax(0, 1fr); column-gap: 10px; margin: 0; padding: 3px 0; font-size: 13px; border-top: 1px solid var(--grid); }
.items b { font-weight: 400; color: var(--soft); }
.finding { border-left: 4px solid var(--tone); padding: 2px 0 2px 14px; margin: 18px 0 0; } .finding h3 { margin: 0 0 4px; } .finding p { margin: 0 0 4px; font-size: 14px; max-width: 90ch; } .finding ul { font-size: 13px; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 4px 0; margin: -4px 0; cursor: pointer; text-align: inherit; } th button::after { content: " ↕"; opacity: .5; }
th[aria-sort="ascending"] button::after { content: " ↑"; opacity: 1; } th[aria-sort="descending"] button::after { content: " ↓"; opacity: 1; }
th button:focus-visible, summary:focus-visible, a:focus-visible, .wide:focus-visible, input:focus-visible { outline: 2px solid var(--neutral); outline-offset: 2px; }
.filter { display: block; width: 100%; max-width: 360px; font: inherit; font-size: 16px; padding: 7px 10px; margin: 12px 0 0; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 8px; }
.print-only { display: none; }
@media (max-width: 700px) {
  main { padding: 20px 12px 40px; } h1 { font-size: 23px; } section { padding: 16px 14px; border-radius: 10px; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; } .tiles { grid-template-columns: 1fr 1fr; gap: 8px; } .tiles dd { margin: 0; font-size: 18px; }
  figcaption { flex-wrap: wrap; gap: 0 12px; }
  .tree li { grid-template-columns: minmax(0, 1fr) auto; } .tree .bar { grid-column: 1 / -1; grid-row: 2; } .tree .figure { grid-column: 2; }
  .turn { grid-template-columns: minmax(0, 1fr) auto; } .turn .bar { grid-column: 1 / -1; grid-row: 2; margin: 6px 0 2px; } .turn .figure { grid-column: 2; }
  .items li { grid-template-columns: 1fr; } .days .second { display: none; } tbody th { min-width: 130px; max-width: 200px; } table.long tbody th { min-width: 190px; }
}
@media print { :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --grid: #e4e4e4;
    --good: #00603f; --bad: #a03000; --unclear: #6f4e00; --neutral: #0b4f88; --c0: #0072b2; --c1: #c95600; --c2: #008a64; --c3: #a04a7d; --c4: #966700; --c5: #2f80b3; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } nav, .filter { display: none; }
  section, .banner { border-radius: 0; border-width: 1px 0 0; padding: 10px 0; margin-top: 14px; } .banner { border-left-width: 0; } .tiles { grid-template-columns: repeat(4, 1fr); gap: 6px; }
  .tiles > div { border-radius: 0; padding: 4px 8px; } .tiles dd { font-size: 13pt; } h2, h3, figcaption, caption { break-after: avoid; }
  figure svg, tr, .tree li, .turn, .finding { break-inside: avoid; } thead { display: table-header-group; } .wide { overflow: visible; margin: 8px 0 0; padding: 0; } table { font-size: 8.5pt; } th, td { padding: 3px 8px 3px 0; }
  tbody th { min-width: 120px; max-width: none; } table.long tbody tr:nth-child(n+61) { display: none; } .print-only { display: block; } td, tbody th { overflow-wrap: anywhere; } td.number { overflow-wrap: normal; }
  thead th { font-size: 8.5pt; white-space: normal; } td code { font-size: inherit; } table.long tbody th { min-width: 0; } table.long .drawn, table.long th:empty { display: none; } summary { color: var(--soft); list-style: none; }
  th button { padding: 0; margin: 0; } th button::after { content: "" !important; } a { color: inherit; text-decoration: none; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;

export const STYLE = BASE + REPORT;
