/** The page's style: light and dark, wide and narrow, printed light. Colours differ in lightness, so that they are told apart without hue. */
export const style = `
:root{color-scheme:light dark;--page:#fcfcfb;--ink:#1c1d21;--soft:#5b5f69;--line:#d9dbe0;--panel:#f2f3f5;--link:#0b57a4;--first:#7d828d;--last:#0b57a4;--chosen:#c2410c;--band:#9fc3e8;--ill:#a4133c;--risk:#8a5300;--fine:#0b6e62;--alive:#a9cbe6;--coma:#e69f00;--dead:#4a1030;--broken:#d6009e;--zero:#9a9da5}
@media screen and (prefers-color-scheme:dark){:root{--page:#15171b;--ink:#e8e9ec;--soft:#a4a9b4;--line:#3a3e47;--panel:#1f2228;--link:#8ec2ff;--first:#9aa0ac;--last:#8ec2ff;--chosen:#ff9e64;--band:#2c5178;--ill:#ff8fa9;--risk:#f2b84b;--fine:#5fd0bf;--alive:#2f587a;--coma:#e69f00;--dead:#ffd3e2;--broken:#ff5fd0;--zero:#6c717c}}
@media print{:root{color-scheme:light;--page:#fff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.25rem clamp(1rem,4vw,2.5rem) 3rem;max-width:76rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.25rem 0 .75rem}section,tr,article{scroll-margin-top:3.5rem}h3{font-size:1rem;margin:0 0 .5rem}
p{margin:.25rem 0 .75rem}a{color:var(--link)}small,figcaption,.about{color:var(--soft);font-size:.875rem}code{font-family:ui-monospace,monospace}.number{white-space:nowrap}
:focus-visible{outline:3px solid var(--chosen);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.5rem;z-index:2}
.verdict{border-left:6px solid var(--fine);background:var(--panel);padding:.75rem 1rem;margin:1rem 0}.verdict.ill{border-color:var(--ill)}.verdict.risk{border-color:var(--risk)}
.verdict .word{font-size:1.25rem;font-weight:650;margin:0}.verdict ul{margin:.5rem 0 0;padding-left:1.1rem}.verdict li{margin:.35rem 0}.verdict a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.15em}
.badge{display:inline-block;border:1.5px solid;border-radius:.25rem;padding:0 .35rem;font-size:.75rem;font-weight:700;text-transform:uppercase}.badge.ill{color:var(--page);background:var(--ill);border-color:var(--ill)}.badge.risk{color:var(--risk)}
.finding{border:1px solid var(--line);border-left:4px solid var(--risk);padding:.75rem 1rem;margin:0 0 1rem;break-inside:avoid}.finding.ill{border-left-color:var(--ill)}
dl{display:grid;grid-template-columns:minmax(6.5rem,max-content) 1fr;gap:.25rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0}dd ol{margin:0;padding-left:1.2rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1.75rem 2rem}#units .figures{margin-top:1.75rem}
figure{margin:0;min-width:0;break-inside:avoid}figure.wide{grid-column:1/-1}figcaption{margin-top:.4rem}
svg.plot{display:block;width:100%;height:auto;max-width:40rem;font:13px system-ui,sans-serif}svg text{fill:var(--soft)}svg .axis{fill:var(--ink)}
.grid{stroke:var(--line);stroke-width:1}path.first,path.last,path.chosen,path.guide{fill:none;stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}
path.first{stroke:var(--first);stroke-dasharray:5 4}path.last{stroke:var(--last)}path.chosen{stroke:var(--chosen);stroke-width:2.5}path.guide{stroke:var(--ink);stroke-dasharray:2 3}
g.first path.first{stroke:var(--last);stroke-dasharray:none}g.last path.last{stroke:var(--chosen)}
g.first circle{fill:var(--page);stroke:var(--first);stroke-width:1.5}g.last circle{fill:var(--last)}.time g.first circle{fill:var(--last);stroke:none}.time g.last circle{fill:var(--chosen)}
path.band{fill:var(--band);opacity:.55}rect.ill{fill:var(--ill)}rect.risk{fill:var(--risk)}
.key{display:inline-block;width:1.4rem;height:0;border-top:3px solid;margin:0 .3rem .2rem .5rem;vertical-align:middle}.key:first-child{margin-left:0}.item{white-space:nowrap;margin-right:.4rem}.key.first{border-top-style:dashed;border-color:var(--first)}.key.last{border-color:var(--last)}.key.chosen{border-color:var(--chosen)}.time .key.first{border-top-style:solid;border-color:var(--last)}.time .key.last{border-color:var(--chosen)}
.key.ill,.key.risk{width:.45rem;height:.45rem;border:0;background:var(--ill)}.key.risk{background:var(--risk)}.key.band,.key.alive,.key.coma,.key.dead,.key.zero,.key.broken{height:.8rem;width:.9rem;border:1px solid var(--line)}.key.band{background:var(--band)}.key.alive{background:var(--alive)}.key.coma{background:var(--coma)}.key.dead{background:var(--dead)}.key.zero{background:var(--zero)}.key.broken{background:var(--broken)}
.rows{display:grid;grid-template-columns:minmax(3.5rem,8.5rem) 1fr;gap:.5rem}.names{position:relative;font-size:.75rem;color:var(--soft)}.names span{position:absolute;right:0;max-width:100%;transform:translateY(-50%);white-space:nowrap;overflow:hidden;text-overflow:ellipsis;line-height:1.2}
.cells{width:100%;height:100%;background:var(--panel);shape-rendering:crispEdges}.strips{display:flex;flex-direction:column;gap:1px;min-height:0}.strips svg{flex:1;width:100%;min-height:0;shape-rendering:crispEdges}
path.alive{fill:var(--alive)}path.coma{fill:var(--coma)}path.dead{fill:var(--dead)}.cells path{fill:none;stroke-width:1.04}path.zero{stroke:var(--zero)}path.broken{stroke:var(--broken)}
.ticks{position:relative;height:1.2rem;margin-left:9rem;font-size:.75rem;color:var(--soft)}.ticks span{position:absolute;transform:translateX(-50%);white-space:nowrap}.ticks span:last-child:not(:first-child){transform:translateX(-100%)}.ticks-title{text-align:center;font-size:.8rem;margin:0}
.rows{grid-template-columns:8.5rem 1fr}.ramp{display:inline-flex;align-items:center;gap:.4rem}.ramp svg{width:9rem;height:.8rem}
.slider{position:sticky;top:0;background:var(--page);border-bottom:1px solid var(--line);padding:.5rem 0;margin-top:2rem;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;z-index:1}.slider input{flex:1 1 12rem;min-width:0;height:1.75rem;accent-color:var(--chosen)}
html:not(.live) .slider,html:not(.live) .scripted{display:none}
details{margin-top:.35rem}summary{cursor:pointer;color:var(--link);font-size:.875rem}
.scroll{overflow-x:auto;max-height:26rem;margin-top:.35rem}table{border-collapse:collapse;font-size:.8125rem;font-variant-numeric:tabular-nums}th,td{padding:.15rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}th:first-child{text-align:left}thead th{position:sticky;top:0;background:var(--page);color:var(--soft)}tr:target,tr:target th{background:var(--panel);outline:2px solid var(--chosen)}
.all.scroll{max-height:34rem}
@media (max-width:40rem){.rows{grid-template-columns:4.5rem 1fr}.ticks{margin-left:5rem}dl{grid-template-columns:1fr;gap:0}dt{margin-top:.35rem}}
@media print{body{max-width:none;padding:0;font-size:10.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}.slider,.scripted,.skip,path.chosen,path.guide{display:none!important}details:not([open]){display:none}.figures{grid-template-columns:1fr 1fr;gap:1rem}.scroll,.all.scroll{max-height:none;overflow:visible}h2{break-after:avoid}a{text-decoration:none}table{font-size:7.5pt}}
`;
