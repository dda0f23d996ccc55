/**
 * How the report page looks: a table of data, as it were, in the language of style sheets. Light or dark as the reader's
 * system is, from phone to paper. The colours of cases are those of Okabe and Ito, told apart by colour-blind eyes too.
 */
import { THEME } from "../export/report/style.ts";

export const STYLE = `
${THEME}.soft, figcaption, dt { color: var(--soft); }
.eyebrow { text-transform: uppercase; letter-spacing: .08em; font-size: 12px; font-weight: 600; color: var(--soft); margin: 0; }
.banner { max-width: none; display: flex; gap: 12px; align-items: baseline; margin: 20px 0 0; padding: 14px 18px; border-radius: 10px; background: var(--card);
  border: 1px solid var(--line); border-left: 5px solid var(--tone); font-weight: 600; }
.banner .sign { color: var(--tone); }
.good { --tone: var(--good); } .bad { --tone: var(--bad); } .unclear { --tone: var(--unclear); } .neutral { --tone: var(--neutral); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 24px; margin-top: 20px; }
section > p { font-size: 14px; color: var(--soft); }
figure { margin: 20px 0 0; } figure:first-of-type { margin-top: 12px; }
figcaption { font-size: 13px; font-weight: 600; padding-bottom: 6px; border-bottom: 1px solid var(--line); margin-bottom: 6px; display: flex; justify-content: space-between; gap: 12px; }
figcaption .scale { font-weight: 400; white-space: nowrap; }
.plot { display: grid; grid-template-columns: minmax(120px, 22%) 1fr minmax(76px, auto); column-gap: 16px; align-items: center; grid-auto-flow: dense; }
.plot > .name { grid-column: 1; } .plot > .figure { grid-column: 3; } .plot > svg { grid-column: 2; }
.plot.ratios { grid-template-columns: minmax(150px, 34%) 1fr minmax(150px, auto); }
.plot .name { font-size: 14px; line-height: 1.3; padding: 4px 0; }
.plot .name small { display: block; color: var(--soft); font-size: 12px; }
.plot .figure { padding: 3px 0; text-align: right; font-variant-numeric: tabular-nums; font-size: 14px; line-height: 1.3; white-space: nowrap; }
.plot .figure small { color: var(--soft); font-size: 12px; display: block; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; background: var(--mark); margin-right: 7px; }
svg { display: block; width: 100%; overflow: visible; }
svg.axis line { stroke: var(--soft); } svg.axis text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.grid line { stroke: var(--grid); }
.c0 { --mark: var(--c0); } .c1 { --mark: var(--c1); } .c2 { --mark: var(--c2); } .c3 { --mark: var(--c3); } .c4 { --mark: var(--c4); } .c5 { --mark: var(--c5); }
.before { --mark: var(--soft); }
.box { fill: var(--mark); fill-opacity: .14; stroke: var(--mark); stroke-opacity: .55; }
.whisker { stroke: var(--mark); stroke-opacity: .55; }
.now circle, .before circle { fill: var(--mark); fill-opacity: .72; stroke: var(--card); stroke-width: .8; }
.before circle { fill-opacity: .4; }
circle.outlier { fill: var(--card); stroke: var(--mark); stroke-width: 1.6; }
.median { stroke: var(--mark); stroke-width: 3; stroke-linecap: round; }
.one { stroke: var(--soft); stroke-width: 1.5; }
.bound { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 3 3; }
.faster { --mark: var(--c0); } .slower { --mark: var(--c1); } .same { --mark: var(--c2); } .interval.unclear, .verdict.unclear { --mark: var(--soft); }
.interval line { stroke: var(--mark); stroke-width: 2; stroke-linecap: round; } .interval .reach { stroke-width: 5; stroke-opacity: .4; }
.interval circle { fill: var(--mark); stroke: var(--card); stroke-width: 1.5; } .interval.unclear circle { fill: var(--card); stroke: var(--mark); stroke-width: 2; }
.verdict { font-weight: 600; color: var(--mark); }
.tone { font-weight: 600; color: var(--tone); white-space: nowrap; }
.wide { overflow-x: auto; margin: 12px -8px 0; padding: 0 8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
th { color: var(--soft); font-weight: 600; font-size: 13px; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; } tr:last-child td { border-bottom: 0; }
td code { white-space: nowrap; }
td:first-child { overflow-wrap: break-word; min-width: 190px; } th:last-child, td:last-child { padding-right: 0; }
code { font: 13px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
ul { margin: 8px 0 0; padding-left: 20px; font-size: 14px; } li { margin: 4px 0; } li.warning::marker { content: "⚠ "; color: var(--unclear); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 12px 0 0; font-size: 14px; } dd { margin: 0; }
@media (max-width: 640px) {
  main { padding: 20px 12px 40px; } h1 { font-size: 23px; } section { padding: 16px 14px; border-radius: 10px; }
  .plot, .plot.ratios { grid-template-columns: 1fr auto; }
  .plot .name { padding: 10px 0 2px; } .plot .figure { padding-top: 8px; align-self: end; } .plot .figure small { display: inline; margin-left: 6px; }
  .plot.ratios > .name, .plot.ratios > .figure { grid-column: 1 / -1; text-align: left; padding-bottom: 0; } .plot.ratios > .figure { padding-top: 2px; }
  .plot > .figure { grid-column: 2; } .plot > svg { grid-column: 1 / -1; } svg.axis .second { display: none; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
  figcaption { flex-wrap: wrap; }
}
@media print { :root { color-scheme: light; } body { background: #fff; font-size: 11pt; } main { max-width: none; padding: 0; }
  section, .banner { border-radius: 0; border-width: 1px 0 0; padding: 12px 0; } .banner { border-left-width: 0; }
  figure, tr, .plot > * { break-inside: avoid; } .wide { overflow: visible; } table { font-size: 9pt; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;
