/** The charts' part of the page's style sheet. */
export const CHART_STYLE = `
figure{margin:0;padding:.75rem;background:var(--card);border:1px solid var(--grid);border-radius:6px}
figcaption p,.empty,details{margin:.1rem 0 .4rem;color:var(--dim);font-size:.85rem}
svg{width:100%;height:auto}svg text{fill:var(--dim);font-size:11px}
.grid{stroke:var(--grid)}.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.heat rect{fill:var(--c0)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem .8rem;margin:0;padding:0;font-size:.85rem}
.legend i{display:inline-block;width:.8em;height:.25em;margin-right:.35em;vertical-align:middle}
.number{font-size:2.2rem;margin:.5rem 0}
`;
