/** The part of the style sheet that only this page needs. */
export const PAGE_STYLE = `
body{max-width:1100px}
nav ul{list-style:none;display:flex;gap:1rem;margin:0;padding:0}a{color:var(--c0)}
.drop{position:relative;padding:1.5rem 1rem;text-align:center;background:var(--card);border:2px dashed var(--dim);border-radius:8px}
.drop.over{border-color:var(--c0);border-style:solid}
.drop p{margin:.7rem 0 0;color:var(--dim)}.drop input{position:absolute;width:1px;clip-path:inset(50%)}
button,.drop label{display:inline-block;font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--dim);border-radius:6px;padding:.25rem .8rem;cursor:pointer}
button:hover,.drop label:hover{border-color:var(--c0)}.drop label{padding:.45rem 1.4rem;font-weight:bold}
button:disabled{opacity:.5;cursor:default}
:focus-visible,.drop input:focus-visible+label{outline:3px solid var(--c0);outline-offset:2px}
.bar-of-actions{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin:.5rem 0}
.bar-of-actions p{margin:0;flex:1}
.key{margin-top:.7rem}.key label{margin-right:.4rem}.key button{margin-left:.4rem}.key input{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--dim);border-radius:6px;padding:.25rem .6rem;width:min(30rem,70%)}
.notice{color:var(--c1)}.notice:empty{display:none}
.dim{color:var(--dim)}.error{color:var(--c4)}
.scroll{overflow-x:auto}
.results{width:100%}.results th,.results td{padding:.5rem .8rem .5rem 0;border-bottom:1px solid var(--grid);vertical-align:middle}
.results thead th{color:var(--dim);font-weight:normal;font-size:.85rem;padding:.2rem .8rem .2rem 0}
.photo{font-weight:normal;overflow-wrap:anywhere;min-width:9rem;max-width:18rem}
.photo canvas{width:96px;height:72px;object-fit:contain;vertical-align:middle;margin-right:.7rem;border-radius:4px;background:var(--card)}
.photo canvas.broken{outline:1px dashed var(--dim);outline-offset:-1px}
.answer{font-size:1.05rem;min-width:6rem}.time{white-space:nowrap;color:var(--dim)}
.results p{margin:0 0 .4rem}
.bars{list-style:none;margin:0;padding:0;min-width:14rem;display:grid;grid-template-columns:auto 1fr auto;gap:.15rem .6rem;align-items:center}
.bars li{display:contents}.bars .share{text-align:right;white-space:nowrap;min-width:4rem;font-variant-numeric:tabular-nums}
.bar{display:block;height:.6rem;border-radius:.3rem;background:var(--grid);overflow:hidden}.bar i{display:block;height:100%}
.figures{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));margin:0}
.figures div,.card{padding:.75rem;background:var(--card);border:1px solid var(--grid);border-radius:6px}
.figures dt{color:var(--dim);font-size:.85rem}.figures dd{margin:0;font-size:1.6rem;font-variant-numeric:tabular-nums}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}.facts dt{color:var(--dim)}.facts dd{margin:0;overflow-wrap:anywhere}
.tables{display:flex;flex-wrap:wrap;gap:.5rem 3rem}.tables td,.tables thead th{text-align:right}.tables th[scope=row]{text-align:left}
.card h3{margin:1rem 0 .3rem}.card summary{cursor:pointer;margin:1rem 0 .3rem;font-weight:bold;font-size:.95rem}
.bars+button{margin-top:.4rem}button[aria-pressed=true]{border-color:var(--c0);box-shadow:inset 0 0 0 1px var(--c0)}
.map{margin-top:.5rem}.map canvas{display:block;max-width:100%;max-height:18rem;border-radius:4px}
@media(max-width:600px){.time,.results th:last-child{display:none}.results th,.results td{padding-right:.5rem}
.results .photo{min-width:0;max-width:6rem}.photo canvas{display:block;width:72px;height:54px}
.answer{min-width:0;font-size:.85rem}.bars{min-width:0;column-gap:.4rem}.bars .bar{min-width:2rem}.bars .share{min-width:3.6rem}
.facts{grid-template-columns:minmax(0,1fr)}.facts dd{margin-bottom:.4rem}}
`;
